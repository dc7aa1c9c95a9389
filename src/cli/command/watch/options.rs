//! The options and words of `sockscope watch`, given their meaning or refused.

use std::time::Duration;

use crate::analyze::states::By;
use crate::cli::args::watch::WatchArgs;
use crate::cli::command::{conns, listen};
use crate::cli::exit::Usage;
use crate::cli::session::Session;
use crate::columns::Column;
use crate::filter::did_you_mean;
use crate::look::untold::marks_hint;
use crate::query::Needs;
use crate::text::Format;
use crate::text::frame::Size;
use crate::watch::Tab;
use crate::watch::state::content::SortBy;
use crate::watch::state::event::{Columns, Setup, Toggles};

/// The shortest time between looks.
const SHORTEST: Duration = Duration::from_millis(100);

/// What the view begins with.
pub(super) fn setup(session: &Session, args: &WatchArgs) -> Result<Setup, Usage> {
    check(session, args)?;
    let named = view(&args.words);
    let words = args.words.get(usize::from(named.is_some())..);
    let words = words.unwrap_or_default();
    check_filter(session, args, words)?;
    // -l: listening sockets, as for ss.
    let is_listen = session.options.listening && !session.options.all;
    let usual = if is_listen { Tab::Listen } else { Tab::Conns };
    let tab = named.unwrap_or(usual);
    check_by(session, tab, args.by)?;
    Ok(Setup {
        host: session.host.name(),
        netns: session.host.netns().map(std::num::NonZeroU64::get),
        tab,
        filter: words.join(" "),
        interval: args.interval,
        toggles: Toggles {
            protocols: session.protocols(),
            families: session.families(),
            listening: session.options.all,
            established: false,
            changed_only: false,
        },
        marks_hint: marks_hint(&session.host),
        by: args.by,
        sort: sort(session, tab, args.by)?,
        columns: columns(session)?,
        limit: session.options.limit.unwrap_or(usize::MAX),
        theme: session.theme,
        size: Size::new(80, 24),
        names: crate::cli::session::names(),
    })
}

/// The first word, when it is a view.
fn view(words: &[String]) -> Option<Tab> {
    let first = words.first()?;
    Tab::ALL.into_iter().find(|tab| tab.name() == first)
}

/// Options that mean what this view cannot do: nothing is ignored.
fn check(session: &Session, args: &WatchArgs) -> Result<(), Usage> {
    let options = &session.options;
    if session.format != Format::Table {
        return Err(Usage::new("the live view is for people")
            .hint("for scripts: sockscope conns --watch --format ndjson"));
    }
    let refused = [
        (
            options.quiet,
            "-q",
            "without output there is nothing to watch",
        ),
        (options.no_header, "-H", "the headings always stay"),
        (
            options.strict,
            "--strict",
            "it only shows a note when something is missing",
        ),
        (
            options.resolve,
            "-r",
            "names would come seconds late: addresses stay numeric",
        ),
        (options.verbose, "-v", "standard error is the screen"),
        (
            options.summary,
            "-s",
            "sockscope watch states shows the counts",
        ),
    ];
    if let Some((_, option, why)) = refused.into_iter().find(|(is_given, ..)| *is_given) {
        return Err(Usage::new(format!("the live view has no {option}")).hint(why));
    }
    if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        return Err(Usage::new(
            "the live view needs a terminal with cursor control (not TERM=dumb)",
        )
        .hint("for plain text: sockscope conns"));
    }
    if args.interval < SHORTEST {
        return Err(
            Usage::new("the interval must be at least 100 ms").hint("--interval 100ms, or more")
        );
    }
    Ok(())
}

fn check_filter(session: &Session, args: &WatchArgs, words: &[String]) -> Result<(), Usage> {
    let filter = session.filter(words).map_err(|mut usage| {
        let names: Vec<_> = Tab::ALL.into_iter().map(Tab::name).collect();
        let first = args
            .words
            .first()
            .filter(|_| words.len() == args.words.len());
        let near = first.map(|word| did_you_mean(word, &names));
        if let Some(near) = near.filter(|near| !near.is_empty()) {
            usage.hint = Some(format!("{near}views are: {}", names.join(", ")));
        }
        usage
    })?;
    if session.options.no_owners && filter.needs().has(Needs::OWNERS) {
        return Err(Usage::new("a filter by process needs owners")
            .hint("leave --no-owners out, or the filter"));
    }
    Ok(())
}

fn check_by(session: &Session, tab: Tab, by: Option<By>) -> Result<(), Usage> {
    if tab == Tab::Doctor && by.is_some() {
        return Err(Usage::new("findings have no groups").hint("leave --by out"));
    }
    session.group_needs(by).map(|_| ())
}

/// The order of the first tab, where that is a list of sockets.
fn sort(session: &Session, tab: Tab, by: Option<By>) -> Result<Option<(SortBy, bool)>, Usage> {
    let sort = session.sort()?;
    let is_list = matches!(tab, Tab::Listen | Tab::Conns) && by.is_none();
    if sort.is_some() && !is_list {
        return Err(
            Usage::new("--sort orders sockets: it works in listen and conns only")
                .hint("the key s changes the order of what is shown"),
        );
    }
    Ok(sort.map(|(column, reverse)| (SortBy::Column(column), reverse)))
}

/// The columns of both lists, as they are configured and chosen.
fn columns(session: &Session) -> Result<Columns, Usage> {
    let of = |usual: &[&str]| -> Result<Vec<&'static Column>, Usage> {
        Ok(session.columns(usual, &[])?.table)
    };
    let chosen = session.options.columns.as_deref();
    Ok(Columns {
        listen: of(listen::TABLE)?,
        conns: of(conns::TABLE)?,
        has_rates: chosen.is_none_or(|columns| columns.starts_with('+')),
    })
}
