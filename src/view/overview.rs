//! The host at a glance: counts, the worst findings, the listeners.

use std::io::{self, Write};

use super::list::{cells, grid_columns, tell_left_out};
use crate::text::grid;
use crate::text::grid::{Cell, Frame};

use super::doctor;
use crate::analyze::doctor::Finding;
use crate::analyze::states::StatesView;
use crate::columns::Row;
use crate::model::foreign::Foreign;
use crate::model::{ProtocolSet, Snapshot};
use crate::text::Columns;
use crate::text::theme::{Tone, state_tone};
use crate::text::wrap::sentence;

/// Findings shown before "and more".
const WORST: usize = 5;
/// What stands behind them: doctor looks twice, and may find worse what stays.
const DOCTOR: &str = "at one look; why, whether it stays, and what to do: sockscope doctor";

/// What there is to see.
#[derive(Clone, Copy, Debug)]
pub struct Glance<'a> {
    /// The host's name.
    pub host: &'a Foreign,
    /// When it was looked at.
    pub time: &'a str,
    /// Which protocols were looked at.
    pub protocols: ProtocolSet,
    /// Counts of all sockets.
    pub counts: &'a StatesView,
    /// What is wrong, the worst first.
    pub findings: &'a [Finding],
    /// The listeners, in their order.
    pub listeners: &'a Snapshot,
    /// Their columns.
    pub columns: &'a Columns,
    /// How many listeners are shown.
    pub limit: usize,
    /// Whether a person sees it now, and reads what else there is.
    pub for_person: bool,
}

impl Glance<'_> {
    /// Draws it.
    ///
    /// # Errors
    /// What writing says.
    pub fn draw(&self, out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
        self.totals(out, frame)?;
        self.worst(out, frame)?;
        self.listening(out, frame)?;
        if self.for_person {
            writeln!(out)?;
            let text =
                "more: sockscope doctor | listen | port PORT | conns | buildup | explain | --help";
            sentence(out, text, Tone::Quiet, frame)?;
        }
        Ok(())
    }

    /// One line for TCP with the states that occur, one for UDP.
    fn totals(&self, out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
        let host = Cell::new(self.host.to_string(), Tone::Quiet);
        let time = Cell::new(self.time, Tone::Quiet);
        writeln!(out, "{}", grid::flow(&host, &[time], "  ", frame))?;
        if self.protocols.tcp {
            let states = self.counts.total.present();
            let parts: Vec<Cell> = states
                .map(|(state, n)| Cell::new(format!("{n} {state}"), state_tone(state)))
                .collect();
            let text = format!("TCP {}", self.counts.total.total());
            let head = Cell::new(text, Tone::Strong);
            writeln!(out, "{}", grid::flow(&head, &parts, "  ", frame))?;
        }
        if self.protocols.udp {
            let udp = self.counts.udp;
            let text = format!("UDP {}", udp.connected + udp.unconnected);
            let parts = [
                Cell::new(format!("{} bound", udp.unconnected), Tone::Normal),
                Cell::new(format!("{} connected", udp.connected), Tone::Normal),
            ];
            let head = Cell::new(text, Tone::Strong);
            writeln!(out, "{}", grid::flow(&head, &parts, "  ", frame))?;
        }
        Ok(())
    }

    /// The worst findings, a line each.
    fn worst(&self, out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
        if self.findings.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        for finding in self.findings.iter().take(WORST) {
            doctor::line(out, finding, frame)?;
        }
        let text = match self.findings.len().saturating_sub(WORST) {
            0 => DOCTOR.to_owned(),
            more => format!("and {more} more, {DOCTOR}"),
        };
        sentence(out, &text, Tone::Quiet, frame)
    }

    fn listening(&self, out: &mut dyn Write, frame: &Frame) -> io::Result<()> {
        let Snapshot { sockets, facts, .. } = self.listeners;
        let shown = sockets.get(..self.limit).unwrap_or(sockets);
        if !shown.is_empty() {
            writeln!(out)?;
            let columns = &self.columns.table;
            let rows: Vec<_> = shown
                .iter()
                .map(|socket| cells(columns, Row { socket, facts }))
                .collect();
            let grid = grid_columns(columns, &self.columns.asked);
            let fit = grid::layout(&grid, &rows, frame);
            grid::draw_fitted(out, &grid, &rows, &fit, frame)?;
            tell_left_out(out, columns, &grid, &fit, frame)?;
        }
        match sockets.len() - shown.len() {
            0 => Ok(()),
            more => {
                let text = format!("and {more} more: sockscope listen");
                sentence(out, &text, Tone::Quiet, frame)
            }
        }
    }
}
