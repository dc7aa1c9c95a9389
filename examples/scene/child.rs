//! Helper processes: they report once, then hold, and never outlive the scene.

use crate::scene::Scene;
use crate::sys;
use rustix::process::{Pid, Signal, WaitOptions};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One forked helper; dropping it kills and reaps it.
#[derive(Debug)]
pub struct Child {
    pid: i32,
    told: io::PipeReader,
}

impl Child {
    /// Forks. The child runs `setup` on a scene of its own, reports it, and goes on with `afterwards`.
    ///
    /// Several children may be started before the first report is read: they then work side by side.
    pub fn start(
        setup: impl FnOnce(&mut Scene) -> io::Result<()>,
        afterwards: fn() -> !,
    ) -> io::Result<Self> {
        Self::working(setup, |()| afterwards())
    }

    /// Forks a child that has something to work with: `setup` makes it, and `work` gets it after the report.
    ///
    /// When `work` returns, what its threads do goes on until the child is killed.
    pub fn working<T>(
        setup: impl FnOnce(&mut Scene) -> io::Result<T>,
        work: impl FnOnce(T),
    ) -> io::Result<Self> {
        let (told, mut tell) = io::pipe()?;
        let parent = rustix::process::getpid();
        if let Some(pid) = sys::fork()? {
            return Ok(Self { pid, told });
        }
        drop(told);
        // Nothing may unwind from here into the frames of the parent: its destructors would run twice.
        let outcome = catch_unwind(AssertUnwindSafe(|| child_main(parent, setup, &mut tell)));
        drop(tell);
        match outcome {
            Ok(Ok((scene, made))) => {
                std::mem::forget(scene);
                // A panic must not reach the frames of the parent from here either.
                let _ = catch_unwind(AssertUnwindSafe(|| work(made)));
                hold()
            }
            Ok(Err(_)) | Err(_) => sys::exit_now(1),
        }
    }

    /// The process id of the child.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Reads the one report of the child: its sockets and facts, or the error it met.
    pub fn report(&mut self) -> io::Result<Value> {
        let mut text = String::new();
        self.told.read_to_string(&mut text)?;
        let told: Value = serde_json::from_str(&text).map_err(|_| {
            io::Error::other(format!("helper {} died before it reported", self.pid))
        })?;
        match told.get("error") {
            Some(error) => Err(io::Error::other(format!("helper {}: {error}", self.pid))),
            None => Ok(told),
        }
    }
}

impl Drop for Child {
    /// Kills by the pid of our own unreaped child, which cannot have been given to another process yet.
    fn drop(&mut self) {
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = rustix::process::kill_process(pid, Signal::KILL);
            let _ = rustix::process::waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

/// The child's part: bind its life to the parent's, set up, check, report.
fn child_main<T>(
    parent: Pid,
    setup: impl FnOnce(&mut Scene) -> io::Result<T>,
    tell: &mut impl Write,
) -> io::Result<(Scene, T)> {
    let mut scene = Scene::default();
    let made = die_with(Some(parent))
        .and_then(|()| setup(&mut scene))
        .and_then(|made| scene.settle().map(|()| made));
    let told = match &made {
        Ok(_) => scene.story(None),
        Err(error) => json!({ "error": error.to_string() }),
    };
    tell.write_all(told.to_string().as_bytes())?;
    made.map(|made| (scene, made))
}

/// Asks for SIGKILL at the parent's death; a parent that is gone already is noticed by its pid.
///
/// A change of user clears the request, so a child that does that calls again.
pub fn die_with(parent: Option<Pid>) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if parent.is_some() && rustix::process::getppid() != parent {
        return Err(io::Error::other("the parent is gone"));
    }
    Ok(())
}

/// Holds what there is until killed.
pub fn hold() -> ! {
    loop {
        std::thread::park();
    }
}
