//! What the fingers of `ss` users type: `sockscope -tulpn`, `sockscope -tanp`, `-s`.

use super::Command;
use super::options::Options;
use super::rows::{FilterWords, PidsOnly};

/// The command that is meant when none is named: `-l` asks for listeners, `-a` or `-p` for
/// connections; `-s`, like no letter at all, for the overview.
pub(crate) fn understand(command: Option<Command>, options: Options) -> (Option<Command>, Options) {
    let (filter, pids) = (FilterWords::default(), PidsOnly::default());
    let command = match command {
        Some(Command::Conns { filter, pids }) if options.listening && !options.all => {
            Some(Command::Listen { filter, pids })
        }
        Some(command) => Some(command),
        None if options.summary => None,
        None if options.listening => Some(Command::Listen { filter, pids }),
        None if options.all || options.processes || options.numeric || shows_more(&options) => {
            Some(Command::Conns { filter, pids })
        }
        None => None,
    };
    (command, options)
}

/// Letters that ask for more of each socket.
const fn shows_more(options: &Options) -> bool {
    options.extended || options.timers || options.inner || options.memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use clap::Parser;

    fn meant(arguments: &[&str]) -> &'static str {
        let cli = Cli::try_parse_from([&["sockscope"], arguments].concat()).unwrap();
        match understand(cli.command, cli.options).0 {
            None => "overview",
            Some(Command::Listen { .. }) => "listen",
            Some(Command::Conns { .. }) => "conns",
            Some(_) => "other",
        }
    }

    #[test]
    fn letters_of_ss_lead_to_commands() {
        assert_eq!(meant(&["-tulpn"]), "listen");
        assert_eq!(meant(&["-tlnp"]), "listen");
        assert_eq!(meant(&["-tanp"]), "conns");
        assert_eq!(meant(&["-tnp"]), "conns");
        assert_eq!(meant(&["-tano"]), "conns");
        assert_eq!(meant(&["-tin"]), "conns");
        assert_eq!(meant(&["-tn"]), "conns");
        assert_eq!(meant(&["-tmn"]), "conns");
        assert_eq!(meant(&["-s"]), "overview");
        assert_eq!(meant(&["-t"]), "overview");
        assert_eq!(meant(&["listen", "-tulpn"]), "listen");
        assert_eq!(meant(&["conns", "-tl"]), "listen");
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
