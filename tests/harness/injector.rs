//! The fault injector of the tests itself: it strikes where it should, and nowhere else.

use common::{Fault, Run, alone, spawn};

fn cat() -> Run {
    Run::of("cat").args(&["/proc/self/comm", "/proc/self/cmdline", "/proc/self/comm"])
}

#[test]
fn the_chosen_call_fails_and_no_other() {
    if !alone::is_here() {
        return;
    }
    let fault =
        Fault::new(libc::SYS_openat, libc::EMFILE).when(|call| call.text(1).ends_with("cmdline"));
    let hits = fault.hits();
    let answer = cat().fault(fault).output();
    assert_eq!((answer.stdout.as_str(), answer.code()), ("cat\ncat\n", 1));
    assert!(answer.stderr.contains("Too many open files"), "{answer:?}");
    assert_eq!(hits.count(), 1);
}

#[test]
fn a_fault_strikes_after_some_calls_and_so_often_as_asked() {
    if !alone::is_here() {
        return;
    }
    let comm = |call: &common::Call| call.file(0).ends_with("/comm");
    let fault = Fault::new(libc::SYS_read, libc::EIO)
        .when(comm)
        .after(1)
        .times(1);
    let other = Fault::answer(libc::SYS_read, 0).when(|call| call.file(0).ends_with("cmdline"));
    let hits = (fault.hits(), other.hits());
    let answer = cat().fault(fault).fault(other).output();
    // The second read of the first file, at its end, failed; the second file looked empty.
    assert_eq!((answer.stdout.as_str(), answer.code()), ("cat\ncat\n", 1));
    assert!(answer.stderr.contains("Input/output error"), "{answer:?}");
    assert_eq!((hits.0.count(), hits.1.count()), (1, 1));
}

#[test]
fn a_call_that_never_returns_is_ended_by_a_signal() {
    if !alone::is_here() {
        return;
    }
    let fault = Fault::hang(libc::SYS_read).when(|call| call.file(0).ends_with("/comm"));
    let hits = fault.hits();
    let mut command = cat().fault(fault).command();
    command.stdout(std::process::Stdio::null());
    let mut child = spawn::spawn(&mut command).unwrap();
    common::eventually("the fault", common::DEADLINE, || {
        (hits.count() == 1).then_some(())
    });
    child.kill().unwrap();
    assert_eq!(spawn::end(&mut child).code(), None);
}
