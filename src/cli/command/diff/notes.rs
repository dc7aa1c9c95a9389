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
        let message = "the second report is older than the first: opened and closed are swapped";
        problems.push(Problem::new("order", message).hint("give the earlier one first"));
    }
    if before.asked != after.asked {
        problems.push(questions(before, after));
    }
    for (which, saved) in [("first", before), ("second", after)] {
        let message = match saved.complete {
            Some(true) => None,
            Some(false) => Some(format!(
                "the {which} report is incomplete: rows or owners may be missing"
            )),
            None => Some(format!(
                "the {which} report is ndjson, which does not say whether rows are missing"
            )),
        };
        problems.extend(message.map(|message| Problem::incomplete("answer_incomplete", message)));
        if saved.is_part {
            let untold = if which == "first" { "opened" } else { "closed" };
            let message = format!(
                "the {which} report may be cut (--limit), so nothing is reported as {untold}: a socket \
                 missing from it may have existed"
            );
            let problem = Problem::incomplete("answer_limited", message);
            problems.push(problem.hint("save without --limit"));
        }
        if saved.left_out > 0 {
            let count = saved.left_out;
            let rows = match count {
                1 => format!("1 row of the {which} report is of a kind"),
                n => format!("{n} rows of the {which} report are of kinds"),
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
        "the reports were made with different options (first {}, then {}), so nothing is reported as {untold}: \
         a row in only one of them may have existed in both",
        asked(before),
        asked(after)
    );
    let problem = Problem::incomplete("answers_to_others", message);
    problem.hint("save both with the same options and filter")
}

/// Says why sockets are known by their ends only.
pub(super) fn apart(apart: Apart) -> Problem {
    let (code, why) = match apart {
        Apart::Hosts => ("other_host", "the reports are from different hosts"),
        Apart::Namespaces => {
            let why = "the reports are from different network namespaces";
            ("other_namespace", why)
        }
        Apart::Boots => {
            let why = "the socket cookies of the reports conflict (a reboot between them?)";
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
        let message = "only one report has owners, so they are not compared";
        problems.push(Problem::new("owners_not_compared", message));
    }
}
