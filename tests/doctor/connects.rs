//! `doctor` and `buildup` on connects that all fail, beside those that only start slowly.

use common::buildup::{buildup, one};
use common::doctor::{Diagnosis, number, remedy};
use common::{DEADLINE, Namespace, Scene, eventually, sockscope};
use serde_json::{Value, json as value};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::Duration;

/// `127.0.0.1:80` as a subject names it.
fn destination(scene: &Scene) -> Value {
    let text = scene.extra("destination").as_str().unwrap();
    let (address, port) = text.rsplit_once(':').unwrap();
    value!({"address": address, "port": port.parse::<u16>().unwrap()})
}

/// Twelve threads that give up after five seconds and try again, and nobody who ever answers.
#[test]
fn connects_that_all_fail() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["connect-failing", "--count", "12"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("connect-failing");
    assert_eq!(finding["severity"], "warning", "{finding}");
    assert_eq!(&finding["subject"]["pid"], scene.extra("client_pid"));
    assert_eq!(finding["subject"]["comm"], "scene");
    assert_eq!(finding["subject"]["destination"], destination(&scene));
    assert!(number(finding, "attempts") >= 12, "{finding}");
    assert_eq!(number(finding, "waiting"), 12, "{finding}");
    assert_eq!(number(finding, "waiting_before"), 12, "{finding}");
    assert!(number(finding, "sent_again") > 0, "{finding}");
    assert!(remedy(finding).contains("firewall") || remedy(finding).contains("packet filter"));
    assert_eq!(diagnosis.findings().len(), 1, "once: {}", diagnosis.told);
    assert_eq!(diagnosis.code(), 1);
    let told = buildup(&[]);
    let row = one(&told, "SYN_SENT");
    assert_eq!(row["count"], 12, "{row}");
    assert_eq!(row["peer"], destination(&scene), "{row}");
    assert_eq!(&row["process"]["pid"], scene.extra("client_pid"));
    assert!(row["verdict"].as_str().unwrap().contains("no answer"));
    assert!(row["oldest_ms"].is_null(), "nothing tells: {row}");
    let shown = sockscope(&["buildup"]);
    assert!(shown.stdout.contains("SYN_SENT"), "{shown:?}");
}

/// In one look it is how often each was sent again.
#[test]
fn connects_that_all_fail_in_one_look() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["connect-failing", "--count", "5", "--give-up", "60000"]);
    let finding = eventually("a SYN sent again twice", DEADLINE, || {
        let diagnosis = Diagnosis::of(&["--for", "0"]);
        let finding = diagnosis.one("connect-failing").clone();
        (finding["severity"] == "warning").then_some(finding)
    });
    assert_eq!(number(&finding, "waiting"), 5, "{finding}");
    assert!(number(&finding, "retransmits") >= 2, "{finding}");
    for name in ["waiting_before", "given_up"] {
        assert_eq!(finding["evidence"].get(name), None, "{finding}");
    }
}

/// Every attempt is over before its SYN is sent again: only the sockets that come and go tell.
#[test]
fn connects_that_give_up_at_once() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["connect-failing", "--count", "6", "--give-up", "400"]);
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("connect-failing");
    assert_eq!(finding["severity"], "info", "{finding}");
    assert!(number(finding, "given_up") >= 6, "{finding}");
}

/// The healthy twin is answered, and of the near misses one has an answer beside, and one is a single slow start.
#[test]
fn connects_that_do_not_fail() {
    let scenes: [&[&str]; 3] = [
        &["connect-failing", "--count", "12", "--reading"],
        &["connect-failing", "--count", "12", "--slow"],
        &["syn-sent"],
    ];
    for arguments in scenes {
        let Some(_namespace) = Namespace::enter() else {
            return;
        };
        let _scene = Scene::start(arguments);
        for how in [&[][..], &["--for", "0"]] {
            let diagnosis = Diagnosis::of(how);
            diagnosis.silent("connect-failing");
            assert_eq!(diagnosis.alarms(), Vec::<&Value>::new(), "{arguments:?}");
        }
    }
}

/// Several ports of one host, tried once each: the host, or the way there, is at fault. Where one of its ports answers it
/// is not.
#[test]
fn connects_that_fail_to_every_port_of_a_host() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let attempt = ["connect-failing", "--give-up", "60000"];
    let _scenes = [(); 4].map(|()| Scene::start(&attempt));
    for how in [&[][..], &["--for", "0"]] {
        let finding = eventually("each SYN sent again twice", DEADLINE, || {
            let diagnosis = Diagnosis::of(how);
            let finding = diagnosis.one("connect-failing").clone();
            (finding["severity"] == "warning").then_some(finding)
        });
        let destination = value!({"address": "127.0.0.1", "port": null});
        assert_eq!(finding["subject"]["destination"], destination, "{finding}");
        for name in ["destinations", "attempts", "waiting", "processes"] {
            assert_eq!(number(&finding, name), 4, "{finding}");
        }
        let title = finding["title"].as_str().unwrap();
        assert!(title.contains("4 processes called scene"), "{finding}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let _pair = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let _accepted = listener.accept().unwrap();
    for how in [&[][..], &["--for", "0"]] {
        Diagnosis::of(how).silent("connect-failing");
    }
}

/// Does something again and again until it is dropped.
struct Again(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Again {
    fn start(work: impl Fn() + Send + 'static) -> Self {
        let goes_on = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&goes_on);
        let thread = spawn(move || {
            while flag.load(Ordering::Relaxed) {
                work();
                sleep(Duration::from_millis(50));
            }
        });
        Self(goes_on, Some(thread))
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        let _ = self.1.take().unwrap().join();
    }
}

/// What is refused is gone at once; the kernel still tells where it went.
#[test]
fn connects_that_are_refused() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    for text in ["127.0.0.1:81", "[::1]:82"] {
        let at: SocketAddr = text.parse().unwrap();
        // Does not wait in connect(), as most servers do.
        let _client = Again::start(move || drop(TcpStream::connect_timeout(&at, DEADLINE)));
        let diagnosis = Diagnosis::of(&[]);
        let finding = diagnosis.one("connect-failing");
        assert_eq!(finding["severity"], "warning", "{finding}");
        let destination = value!({"address": at.ip().to_string(), "port": at.port()});
        assert_eq!(finding["subject"]["destination"], destination);
        assert_eq!(finding["subject"]["pid"], Value::Null, "nobody tells");
        assert!(number(finding, "failed") >= 3, "{finding}");
        assert_eq!((diagnosis.findings().len(), diagnosis.code()), (1, 1));
        Diagnosis::of(&["--for", "0"]).silent("connect-failing");
    }
    let at: SocketAddr = "127.0.0.1:83".parse().unwrap();
    let _client = Again::start(move || drop(TcpStream::connect(at)));
    let diagnosis = Diagnosis::of(&[]);
    let finding = diagnosis.one("connect-failing");
    let destination = value!({"address": "127.0.0.1", "port": null});
    assert_eq!(finding["subject"]["destination"], destination, "{finding}");
    assert_eq!(finding["severity"], "warning", "{finding}");
}

/// A client that tries `::1` first is served on 127.0.0.1, and one is refused only now and then.
#[test]
fn connects_that_are_refused_and_served_elsewhere() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let _server = spawn(move || listener.incoming().for_each(drop));
    let other = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), at.port());
    let clients = [
        Again::start(move || {
            assert!(TcpStream::connect_timeout(&other, DEADLINE).is_err());
            drop(TcpStream::connect_timeout(&at, DEADLINE).unwrap());
        }),
        Again::start(move || {
            assert!(TcpStream::connect(other).is_err());
            drop(TcpStream::connect(at).unwrap());
        }),
    ];
    for client in clients {
        Diagnosis::of(&[]).silent("connect-failing");
        drop(client);
    }
    let _ = TcpStream::connect("127.0.0.1:85");
    Diagnosis::of(&[]).silent("connect-failing");
}

/// A full accept queue on this host leaves clients in SYN_SENT too: that is told of its listener, once.
#[test]
fn clients_of_a_full_accept_queue_here_are_another_finding() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["accept-full", "--backlog", "4", "--count", "12"]);
    let diagnosis = Diagnosis::of(&[]);
    diagnosis.one("accept-queue-full");
    diagnosis.silent("connect-failing");
}

/// A pile that did not grow while this looked is not said to grow by 0, nor is what was done already advised.
#[test]
fn a_look_too_short_to_see_growth_says_so() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scenes = [
        Scene::start(&["close-wait", "--count", "20"]),
        Scene::start(&["time-wait", "--count", "20"]),
    ];
    let told = buildup(&["--for", "1s"]);
    for state in ["CLOSE_WAIT", "TIME_WAIT"] {
        let row = one(&told, state);
        assert_eq!(row.get("new_per_second"), Some(&Value::Null), "{row}");
        let below = row["new_per_second_below"].as_f64().unwrap();
        assert!((0.1..=1.0).contains(&below), "{row}");
    }
    let once = buildup(&[]);
    assert_eq!(one(&once, "CLOSE_WAIT").get("new_per_second"), None);
    let shown = sockscope(&["buildup", "--for", "1s"]);
    assert!(shown.stdout.contains('<'), "{}", shown.stdout);
    assert!(!shown.stdout.contains("--for"), "{}", shown.stdout);
    let shown = sockscope(&["buildup"]);
    assert!(shown.stdout.contains("--for 10s"), "{}", shown.stdout);
}
