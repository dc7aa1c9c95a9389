//! What the user likes best: the configuration file and the variables of the environment.
//!
//! An option stands above a variable, a variable above the file, the file above what is built
//! in. All of both is checked, whatever the command: a fault shows when it is made.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::cli::args::columns::choose;
use crate::cli::args::options::{ColorName, ThemeName};
use crate::cli::exit::Usage;
use crate::files::{Found, read_own};
use crate::filter::{first_of, last_of};
use crate::model::foreign::shown;
use crate::query::OwnerSource;

/// The commands whose usual columns can be set.
pub(crate) const COMMANDS: [&str; 5] = ["overview", "listen", "port", "conns", "proc"];

/// What is configured, for one command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// When the table has colours.
    pub color: Option<ColorName>,
    /// Which colours it has then.
    pub theme: Option<ThemeName>,
    /// The usual columns of the command, as after `--columns`: the file's, then the variable's.
    pub columns: Vec<String>,
    /// Where owners are read from.
    pub owners: OwnerSource,
    /// What has to be said about it.
    pub note: Option<String>,
}

/// What one source sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    color: Option<ColorName>,
    theme: Option<ThemeName>,
    /// A command of [`COMMANDS`] and its columns.
    columns: Vec<(&'static str, String)>,
}

/// Reads what is configured for `command`; the file only if it `is_wanted`.
///
/// # Errors
/// Anything wrong in the file (with its line) or in a variable.
pub(crate) fn settings(command: &str, is_wanted: bool) -> Result<Settings, Usage> {
    let mut settings = Settings::default();
    let path = path().filter(|_| is_wanted);
    let file = match path {
        Some(path) => from_file(&path, &mut settings.note)?,
        None => Source::default(),
    };
    for source in [file, from_variables()?] {
        settings.color = source.color.or(settings.color);
        settings.theme = source.theme.or(settings.theme);
        let columns = source.columns.into_iter();
        let ours = columns.filter(|(of, _)| *of == command);
        settings.columns.extend(ours.map(|(_, columns)| columns));
    }
    settings.owners = owner_source()?;
    Ok(settings)
}

/// `$XDG_CONFIG_HOME/sockscope/config.toml`, else below `$HOME/.config`; a path that is not
/// absolute does not count, as the XDG specification says.
fn path() -> Option<PathBuf> {
    let directory = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let home = || Some(directory("HOME")?.join(".config"));
    let config = directory("XDG_CONFIG_HOME").or_else(home)?;
    Some(config.join("sockscope").join("config.toml"))
}

fn from_file(path: &Path, note: &mut Option<String>) -> Result<Source, Usage> {
    let name = shown(path.as_os_str().as_encoded_bytes());
    let bytes = match read_own(path) {
        Ok(Found::Bytes(bytes)) => bytes,
        Ok(Found::Nothing) => return Ok(Source::default()),
        Ok(Found::Foreign(uid)) => {
            let text = format!("{name} belongs to another user (uid {uid}) and was ignored");
            *note = Some(text);
            return Ok(Source::default());
        }
        Err(error) => {
            let usage = Usage::new(format!("cannot read {name}: {error}"));
            return Err(usage.hint("--no-config ignores it"));
        }
    };
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let line = line_of(&bytes, error.valid_up_to());
        Usage::new(format!("{name}, line {line}: not UTF-8"))
    })?;
    let at_line = |(place, usage): (usize, Usage)| {
        let line = line_of(text.as_bytes(), place);
        let message = format!("{name}, line {line}: {}", usage.message);
        Usage { message, ..usage }
    };
    parse(text).map_err(at_line)
}

/// The number of the line in which the byte stands.
fn line_of(text: &[u8], place: usize) -> usize {
    let before = text.iter().take(place);
    1 + before.filter(|byte| **byte == b'\n').count()
}

/// A fault and the byte where it is.
type Fault = (usize, Usage);

fn parse(text: &str) -> Result<Source, Fault> {
    let table = DeTable::parse(text).map_err(|error| syntax(text, &error))?;
    let mut source = Source::default();
    for (key, value) in table.get_ref() {
        match key.get_ref().as_ref() {
            "color" => source.color = Some(choice("color", value)?),
            "theme" => source.theme = Some(choice("theme", value)?),
            "columns" => source.columns = columns(value)?,
            other => {
                let usage = Usage::new(format!("there is no setting '{other}'"));
                return Err((
                    key.span().start,
                    usage.hint("settings are: color, theme, columns"),
                ));
            }
        }
    }
    Ok(source)
}

/// What is no TOML: the parser's words, and the line as it stands.
fn syntax(text: &str, error: &toml::de::Error) -> Fault {
    let place = error.span().map_or(0, |span| span.start);
    let usage = Usage::new(format!("{} in '{}'", error.message(), around(text, place)));
    (place, usage.hint("for example: color = \"never\""))
}

/// The line in which the byte stands; of a long one what is near to it.
fn around(text: &str, place: usize) -> String {
    let (before, after) = text.split_at_checked(place).unwrap_or((text, ""));
    let before = before.rsplit('\n').next().unwrap_or_default().trim_start();
    let after = after.lines().next().unwrap_or_default().trim_end();
    format!("{}{}", last_of(before), first_of(after))
}

fn choice<T: ValueEnum>(key: &str, value: &Spanned<DeValue<'_>>) -> Result<T, Fault> {
    let text = word(key, value)?;
    parse_choice(key, text).map_err(|usage| (value.span().start, usage))
}

fn columns(value: &Spanned<DeValue<'_>>) -> Result<Vec<(&'static str, String)>, Fault> {
    let DeValue::Table(table) = value.get_ref() else {
        let usage = Usage::new(format!("columns: {}, expected a table", kind(value)));
        let usage = usage.hint("for example: columns.listen = \"protocol,local,process\"");
        return Err((value.span().start, usage));
    };
    let mut columns = Vec::new();
    for (key, value) in table {
        let Some(command) = COMMANDS.iter().find(|name| **name == key.get_ref()) else {
            let usage = Usage::new(format!("there is no setting 'columns.{}'", key.get_ref()));
            let hint = format!("columns can be set for {}", COMMANDS.join(", "));
            return Err((key.span().start, usage.hint(hint)));
        };
        columns.push((*command, column_list(command, value)?));
    }
    Ok(columns)
}

/// `"a,b,c"`, `"+a"`, or the same as an array of strings.
fn column_list(command: &str, value: &Spanned<DeValue<'_>>) -> Result<String, Fault> {
    let key = format!("columns.{command}");
    let check = |text: &str, place: usize| {
        check_columns(&key, text).map_err(|usage| (place, usage))?;
        Ok(text.to_owned())
    };
    let DeValue::Array(array) = value.get_ref() else {
        return check(word(&key, value)?, value.span().start);
    };
    let mut parts = Vec::new();
    for value in array {
        parts.push(check(word(&key, value)?, value.span().start)?);
    }
    check(&parts.join(","), value.span().start)
}

fn word<'a>(key: &str, value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Fault> {
    let DeValue::String(text) = value.get_ref() else {
        let message = format!("{key}: {}, expected a string", kind(value));
        return Err((value.span().start, Usage::new(message)));
    };
    Ok(text)
}

fn kind(value: &Spanned<DeValue<'_>>) -> &'static str {
    match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// `SOCKSCOPE_COLOR`, `SOCKSCOPE_THEME`, and `SOCKSCOPE_COLUMNS_LISTEN` and its like. Other variables that begin
/// so are left alone: orchestrators make some of the names of services.
fn from_variables() -> Result<Source, Usage> {
    let mut source = Source::default();
    let name = "SOCKSCOPE_COLOR";
    if let Some(text) = variable(name)? {
        source.color = Some(parse_choice(name, &text)?);
    }
    let name = "SOCKSCOPE_THEME";
    if let Some(text) = variable(name)? {
        source.theme = Some(parse_choice(name, &text)?);
    }
    for command in COMMANDS {
        let name = format!("SOCKSCOPE_COLUMNS_{}", command.to_uppercase());
        if let Some(text) = variable(&name)? {
            check_columns(&name, &text)?;
            source.columns.push((command, text));
        }
    }
    Ok(source)
}

/// `SOCKSCOPE_OWNERS`: for tests and comparisons, so no setting of the file.
fn owner_source() -> Result<OwnerSource, Usage> {
    let name = "SOCKSCOPE_OWNERS";
    match variable(name)?.as_deref() {
        None | Some("auto") => Ok(OwnerSource::Auto),
        Some("bpf") => Ok(OwnerSource::Bpf),
        Some("proc") => Ok(OwnerSource::Proc),
        Some(other) => {
            let usage = Usage::new(format!("{name}: owners cannot be read from '{other}'"));
            Err(usage.hint("choose auto, bpf or proc"))
        }
    }
}

/// The value of a variable; an empty one is as good as none.
fn variable(name: &str) -> Result<Option<String>, Usage> {
    let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let text = value.into_string();
    let text = text.map_err(|_| Usage::new(format!("the variable {name} is not UTF-8")))?;
    Ok(Some(text))
}

fn parse_choice<T: ValueEnum>(key: &str, text: &str) -> Result<T, Usage> {
    T::from_str(text, true).map_err(|_| {
        let choices = T::value_variants().iter().filter_map(T::to_possible_value);
        let choices: Vec<String> = choices.map(|choice| choice.get_name().to_owned()).collect();
        let hint = format!("choose one of: {}", choices.join(", "));
        Usage::new(format!("{key}: '{text}' is not a valid choice")).hint(hint)
    })
}

fn check_columns(key: &str, text: &str) -> Result<(), Usage> {
    let checked = choose(&mut Vec::new(), text);
    checked.map_err(|usage| Usage {
        message: format!("{key}: {}", usage.message),
        ..usage
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (usize, String) {
        let (place, usage) = parse(text).unwrap_err();
        (line_of(text.as_bytes(), place), usage.message)
    }

    #[test]
    fn a_file_sets_colour_and_columns() {
        let text = "color = 'never'\ntheme = 'light'\n[columns]\nlisten = 'pid,comm'\nconns = ['+timer', 'inode']";
        let source = parse(text).unwrap();
        assert_eq!(source.color, Some(ColorName::Never));
        assert_eq!(source.theme, Some(ThemeName::Light));
        let columns = [("conns", "+timer,inode"), ("listen", "pid,comm")];
        let columns = columns.map(|(command, text)| (command, text.to_owned()));
        assert_eq!(source.columns, columns);
        assert_eq!(parse("").unwrap(), Source::default());
        assert_eq!(parse("columns.port = 'pid'").unwrap().columns.len(), 1);
    }

    #[test]
    fn a_long_line_is_told_near_to_the_fault() {
        let text = format!(
            "# one\ncolor = '{}' ! # {}",
            "x".repeat(30_000),
            "y".repeat(30_000)
        );
        let (at, message) = fault(&text);
        assert_eq!(at, 2);
        assert!(message.contains("xxx' ! # yyy"), "{message}");
        assert!(message.len() < 400, "{message}");
    }

    #[test]
    fn a_fault_names_its_line_and_its_key() {
        for (text, line, key) in [
            ("\ncolour = 'never'", 2, "'colour'"),
            ("color = 'blue'", 1, "color: 'blue'"),
            ("theme = 'blue'", 1, "theme: 'blue'"),
            ("color = 1", 1, "color: a number"),
            ("[columns]\n\nstates = 'pid'", 3, "'columns.states'"),
            (
                "[columns]\nlisten = 'pid'\nconns = 'nope'",
                3,
                "columns.conns: there is no column 'nope'",
            ),
            (
                "[columns]\nlisten = [\n 'pid',\n 'nope'\n]",
                4,
                "columns.listen: there",
            ),
            (
                "[columns]\nlisten = true",
                2,
                "columns.listen: true or false",
            ),
            ("[columns]\nlisten = [1]", 2, "columns.listen: a number"),
            ("columns = 'pid'", 1, "columns: a string"),
            (
                "color = 'never'\ncolor = 'always'",
                2,
                "in 'color = 'always''",
            ),
            ("\n\ncolor = never", 3, "in 'color = never'"),
            ("[columns\nlisten = 'pid'", 1, "in '[columns'"),
            (
                "[columns]\nlisten = ''",
                2,
                "columns.listen: there is no column ''",
            ),
        ] {
            let (at, message) = fault(text);
            assert_eq!(at, line, "{text:?}: {message}");
            assert!(message.contains(key), "{text:?}: {message}");
        }
    }
}
