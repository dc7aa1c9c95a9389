//! `buildup --for` on connections that live for milliseconds: whose the TIME_WAIT are is said only where it was
//! seen, and how many could be named.
//!
//! How many of them a look meets depends on the machine; that what is said is true does not.

use common::buildup::{buildup, of_state};
use common::{DEADLINE, NOBODY, Namespace, Run, Scene, eventually};
use serde_json::{Value, json as value};

/// How many TIME_WAIT that came meanwhile are known so well.
fn meanwhile(told: &Value, key: &str) -> u64 {
    let number = told["meanwhile"][key].as_u64();
    number.unwrap_or_else(|| panic!("no {key} in {}", told["meanwhile"]))
}

/// Named, inferred and unnamed are all, and as many as the rows say.
fn adds_up(told: &Value) {
    let of = |key| meanwhile(told, key);
    let by = [of("named"), of("inferred"), of("unnamed")];
    assert_eq!(by.iter().sum::<u64>(), of("time_wait"), "{told}");
    assert!(of("unseen") <= of("inferred") + of("unnamed"), "{told}");
    assert!(of("looks") > 1, "{told}");
    let rows = of_state(told, "TIME_WAIT");
    let count = |is_wanted: &dyn Fn(&Value) -> bool| -> u64 {
        let rows = rows.iter().filter(|row| is_wanted(row));
        rows.map(|row| row["count"].as_u64().unwrap()).sum()
    };
    let is_certain = |row: &Value| row["attribution"] == "cookie";
    assert_eq!(count(&is_certain), of("named"), "{told}");
    // What was over before may be concluded, too.
    let inferred = count(&|row| !is_certain(row) && !row["process"].is_null());
    assert!(inferred >= of("inferred"), "{told}");
    assert!(
        count(&|row| row["process"].is_null()) >= of("unnamed"),
        "{told}"
    );
}

/// Whoever is named held what has its address, and only that.
fn clients_are_right(scene: &Scene, told: &Value) {
    let clients = scene.extra("clients");
    for row in of_state(told, "TIME_WAIT") {
        if row["attribution"] == "cookie" {
            let address = row["local"]["address"].as_str();
            let address = address.unwrap_or_else(|| panic!("of several clients: {row}"));
            assert_eq!(row["process"]["pid"], clients[address], "{row}");
            assert_eq!(row["peer"]["port"], *scene.extra("port"), "{row}");
        }
    }
}

/// Looks until it has met some of them, and has seen all there is to see each time.
fn until_named(check: &dyn Fn(&Value)) -> Value {
    eventually("some are named", DEADLINE, || {
        let told = buildup(&["--for", "1s"]);
        adds_up(&told);
        check(&told);
        (meanwhile(&told, "named") > 0).then_some(told)
    })
}

#[test]
fn the_client_closes_first() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for life in ["1", "3", "50"] {
        let scene = Scene::start(&["short-lives", "--port=9000", "--workers=1", "--life", life]);
        let told = until_named(&|told| clients_are_right(&scene, told));
        let client = &scene.extra("clients")["127.0.0.2"];
        let port = scene.extra("port");
        // The only one who was seen to go there: a conclusion, and marked as one.
        let rows = of_state(&told, "TIME_WAIT").into_iter();
        for row in rows.filter(|row| row["peer"]["port"] == *port) {
            assert_eq!(row["process"]["pid"], *client, "{row}");
            let known = ["cookie", "destination"];
            assert!(
                known.contains(&row["attribution"].as_str().unwrap()),
                "{row}"
            );
        }
    }
}

#[test]
fn the_server_closes_first() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for life in ["1", "3", "50"] {
        let scene = Scene::start(&[
            "short-lives",
            "--port=9000",
            "--workers=1",
            "--server-first",
            "--life",
            life,
        ]);
        let at = value!({"address": "127.0.0.1", "port": scene.extra("port")});
        until_named(&|told| {
            for row in of_state(told, "TIME_WAIT") {
                if row["local"] == at {
                    assert_eq!(row["process"]["pid"], *scene.extra("server"), "{row}");
                    let known = ["cookie", "listener"];
                    assert!(
                        known.contains(&row["attribution"].as_str().unwrap()),
                        "{row}"
                    );
                }
            }
        });
    }
}

#[test]
fn of_two_clients_each_has_its_own() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for life in ["3", "50"] {
        let scene = Scene::start(&["short-lives", "--port=9000", "--workers=2", "--life", life]);
        let clients = scene.extra("clients");
        eventually("both are named, each its own", DEADLINE, || {
            let told = buildup(&["--for", "1s"]);
            adds_up(&told);
            clients_are_right(&scene, &told);
            let rows = of_state(&told, "TIME_WAIT").into_iter();
            let ours = rows.filter(|row| row["peer"]["port"] == *scene.extra("port"));
            let named = |pid: &Value| {
                let mut rows = ours.clone();
                rows.any(|row| row["attribution"] == "cookie" && row["process"]["pid"] == *pid)
            };
            let both = clients.as_object().unwrap().values().all(named);
            // What was not seen is nobody's then: it may be of either.
            let is_honest =
                |row: &Value| row["attribution"] == "cookie" || row["process"].is_null();
            assert!(!both || ours.clone().all(is_honest), "{told}");
            both.then_some(())
        });
    }
}

/// Whoever may not look into the tables of others names nobody, and says so.
#[test]
fn as_another_user() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["short-lives", "--port=9000", "--workers=1", "--life=20"]);
    let told = eventually("some came", DEADLINE, || {
        let told = Run::new(&["buildup", "--json", "--for=1s"])
            .user(NOBODY)
            .output()
            .json();
        (meanwhile(&told, "unnamed") > 0).then_some(told)
    });
    adds_up(&told);
    assert_eq!(meanwhile(&told, "named"), 0, "{told}");
    assert_eq!(meanwhile(&told, "inferred"), 0, "{told}");
    let table = Run::new(&["buildup", "--for=1s"]).user(NOBODY).output();
    assert!(
        table
            .stdout
            .contains(" TIME_WAIT that came meanwhile 0 were seen with their process"),
        "{table:?}"
    );
}

#[test]
fn without_time_nothing_came_meanwhile() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    assert_eq!(buildup(&[])["meanwhile"], Value::Null);
    let _scene = Scene::start(&["time-wait", "--count=5"]);
    let told = buildup(&["--for=300ms"]);
    assert_eq!(meanwhile(&told, "time_wait"), 0, "{told}");
}
