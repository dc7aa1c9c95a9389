//! What the options leave out of a look, in words: who finds nothing should know where nobody
//! looked.

use super::Session;

impl Session {
    /// `; TCP and IPv6 were not looked at (-u -4)`; empty where nothing was left out that is
    /// usually looked at.
    pub(crate) fn left_out(&self) -> String {
        let options = &self.options;
        let (protocols, families) = (self.protocols(), self.families());
        let mut unseen = Vec::new();
        unseen.extend((!protocols.tcp).then_some("TCP"));
        unseen.extend((!protocols.udp).then_some("UDP"));
        let by_protocol = !unseen.is_empty();
        unseen.extend((!families.v4).then_some("IPv4"));
        unseen.extend((!families.v6).then_some("IPv6"));
        let given = [
            (by_protocol && options.tcp, "-t"),
            (by_protocol && options.udp, "-u"),
            (by_protocol && options.raw, "-w"),
            (!families.v6, "-4"),
            (!families.v4, "-6"),
        ];
        let given = given.iter().filter(|(is_given, _)| *is_given);
        let given: Vec<&str> = given.map(|(_, option)| *option).collect();
        let were = if unseen.len() > 1 { "were" } else { "was" };
        match listed(&unseen) {
            what if what.is_empty() => what,
            what => format!("; {what} {were} not looked at ({})", given.join(" ")),
        }
    }
}

/// `TCP`, `TCP and UDP`, `TCP, UDP and IPv6`.
pub(crate) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [before @ .., last] => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Cli;
    use crate::cli::session::config::Settings;
    use crate::host::Host;
    use clap::Parser;

    #[test]
    fn what_was_not_looked_at_is_named_with_the_option_that_did_it() {
        let left_out = |options: &[&str]| {
            let cli = Cli::try_parse_from([&["sockscope", "listen"], options].concat()).unwrap();
            Session::new(cli.options, Settings::default(), Host::live()).left_out()
        };
        for (options, told) in [
            (&[][..], ""),
            (&["-t", "-u"], ""),
            (&["-4", "-6"], ""),
            (&["-tuw"], ""),
            (&["-u"], "; TCP was not looked at (-u)"),
            (&["-t", "-4"], "; UDP and IPv6 were not looked at (-t -4)"),
            (&["-w"], "; TCP and UDP were not looked at (-w)"),
            (&["-tw"], "; UDP was not looked at (-t -w)"),
            (&["-6"], "; IPv4 was not looked at (-6)"),
        ] {
            assert_eq!(left_out(options), told, "{options:?}");
        }
    }
}
