//! What chooses rows, and what prints their pids only.

use clap::Args;

/// Options that shape rows, where only pids are wanted.
pub(super) const ROW_OPTIONS: [&str; 6] =
    ["format", "json", "columns", "sort", "limit", "no_owners"];

/// `--pids` of the lists.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct PidsOnly {
    /// Print pids only, one a line, of all owners of the sockets that match
    #[arg(long, conflicts_with_all = ROW_OPTIONS)]
    pub pids: bool,
}

/// The filter of a command.
#[derive(Args, Clone, Debug, Default)]
pub struct FilterWords {
    /// Only these sockets: 8080, established, java, 10.0.0.1:443, state=close_wait, 'recv_q > 64k'
    ///
    /// An expression over the columns, such as state=close_wait lport=8000-8100,
    /// 'peer in 10.0.0.0/8 and recv_q > 64k', or as for ss: state established
    /// '( dport = :ssh or sport = :443 )'; sockscope man filter has it all
    #[arg(value_name = "FILTER")]
    pub words: Vec<String>,
}
