//! What one should know of both answers before one reads what differs.

use crate::json::read::Saved;
use crate::look::diff::{Apart, tells_owners};
use crate::model::Problem;

/// What the files themselves tell: their order, and whether they are whole.
pub(super) fn files(before: &Saved<'_>, after: &Saved<'_>, problems: &mut Vec<Problem>) {
    let time = |saved: &Saved<'_>| saved.collected_at.parse::<jiff::Timestamp>().ok();
    if let (Some(was), Some(is)) = (time(before), time(after))
        && is < was
    {
        let message =
            "the second answer is older than the first: what is told as opened was closed";
        problems.push(Problem::new("order", message).hint("give the earlier one first"));
    }
    if before.asked != after.asked {
        problems.push(questions(before, after));
    }
    for (which, saved) in [("first", before), ("second", after)] {
        let message = match saved.complete {
            Some(true) => None,
            Some(false) => Some(format!(
                "the {which} answer is not complete: rows or owners may be missing in it"
            )),
            None => Some(format!(
                "the {which} answer is ndjson, which does not tell whether rows are missing in it"
            )),
        };
        problems.extend(message.map(|message| Problem::incomplete("answer_incomplete", message)));
        if saved.is_part {
            let untold = if which == "first" { "opened" } else { "closed" };
            let message = format!(
                "the {which} answer may be a part (--limit), so nothing is told as {untold}: what is \
                 not in it may have been there"
            );
            let problem = Problem::incomplete("answer_limited", message);
            problems.push(problem.hint("save without --limit"));
        }
        if saved.left_out > 0 {
            let count = saved.left_out;
            let rows = match count {
                1 => format!("1 row of the {which} answer is of a kind"),
                n => format!("{n} rows of the {which} answer are of kinds"),
            };
            let message = format!("{rows} that this version does not know");
            problems.push(Problem::incomplete("rows_unknown", message).count(count));
        }
    }
}

/// Says that the answers are to different questions.
fn questions(before: &Saved<'_>, after: &Saved<'_>) -> Problem {
    let asked = |saved: &Saved<'_>| match &saved.asked {
        Some(asked) => format!("'{asked}'"),
        None => "all".to_owned(),
    };
    let untold = match (&before.asked, &after.asked) {
        (Some(_), None) => "opened",
        (None, Some(_)) => "closed",
        _ => "opened or closed",
    };
    let message = format!(
        "the answers are to different questions (first {}, then {}), so nothing is told as {untold}: \
         what is in one only may have been there all the time",
        asked(before),
        asked(after)
    );
    let problem = Problem::incomplete("answers_to_others", message);
    problem.hint("save both with the same options and filter")
}

/// Says why sockets are known by their ends only.
pub(super) fn apart(apart: Apart) -> Problem {
    let (code, why) = match apart {
        Apart::Hosts => ("other_host", "the answers are of different hosts"),
        Apart::Namespaces => {
            let why = "the answers are of different network namespaces";
            ("other_namespace", why)
        }
        Apart::Boots => {
            let why = "the cookies of the answers contradict each other (another boot?)";
            ("other_boot", why)
        }
    };
    let message = format!("{why}: sockets are compared by their addresses, owners by name");
    Problem::new(code, message)
}

/// Says when owners are known in one answer only.
pub(super) fn owners(before: &Saved<'_>, after: &Saved<'_>, problems: &mut Vec<Problem>) {
    let tells = |saved: &Saved<'_>| {
        let mut sockets = saved.snapshot.sockets.iter();
        saved.snapshot.sockets.is_empty() || sockets.any(tells_owners)
    };
    if tells(before) != tells(after) {
        let message = "owners are known in one answer only, so they are not compared";
        problems.push(Problem::new("owners_not_compared", message));
    }
}
