//! What `port` tells of those who hold it: whose it is, where they run, what keeps them.

use common::{NOBODY, Namespace, Run, Scene, sockscope};

/// The one line of a story with this label.
fn line<'a>(story: &'a str, label: &str) -> &'a str {
    let mut lines = story
        .lines()
        .filter(|line| line.trim_start().starts_with(label));
    let line = lines
        .next()
        .unwrap_or_else(|| panic!("no {label} in {story}"));
    assert!(lines.next().is_none(), "{label} twice in {story}");
    line.trim()
}

/// Whose a socket is, the kernel tells everyone.
#[test]
fn who_may_not_look_hears_whose_it_is_and_how_it_is_named() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let _scene = Scene::start(&["other-user", "--uid=4242", "--port=4600"]);
    let answer = Run::new(&["port", "4600", "-t"]).user(NOBODY).output();
    let held = line(&answer.stdout, "held by");
    let wanted = "held by     a process of uid 4242; sudo sockscope port 4600 names it";
    assert_eq!(held, wanted, "{answer:?}");
    let root = sockscope(&["port", "4600", "-t"]).stdout;
    assert!(line(&root, "held by").contains("uid 4242"), "{root}");
    assert!(!root.contains("sudo"), "{root}");
}

/// The seconds are those of the kernel's timers.
#[test]
fn it_is_told_when_time_wait_ends() {
    let Some(_namespace) = Namespace::enter() else {
        return;
    };
    let scene = Scene::start(&["time-wait", "--server-first", "--port=4600"]);
    let seconds = |text: &str| -> u64 {
        let story = sockscope(&["port", "4600", "-t"]).stdout;
        let (_, rest) = story.split_once(text).unwrap_or_else(|| panic!("{story}"));
        rest.split(' ').next().unwrap().parse().unwrap()
    };
    let first = seconds("TIME_WAIT ends in ");
    assert!((1..=60).contains(&first), "{first}");
    drop(scene);
    // Now it is what stands in the way of a bind().
    let second = seconds("gone within ");
    assert!((1..=first).contains(&second), "{second} after {first}");
}
