//! What long work shows, and what stops it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGIO, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};

use crate::args::Arguments;

/// A bar over so many `units`, hidden without a terminal and with `--quiet`.
pub(crate) fn bar(arguments: &Arguments, length: Option<u64>, units: &str) -> ProgressBar {
    let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
    if arguments.quiet || !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
        return bar;
    }
    let template = format!("{{spinner}} [{{elapsed_precise}}] {{bar:32}} {{pos}}/{{len}} {units}  {{msg}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Signals by which somebody, a lost terminal, a watchdog or a limit of the system ends a program.
const ENDING: [i32; 13] = [
    SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGABRT, SIGXCPU,
    SIGXFSZ,
];
/// Signals that suspend one.
const SUSPENDING: [i32; 3] = [SIGTSTP, SIGTTIN, SIGTTOU];

/// Set by Ctrl-C, by a terminal that was closed, and by every other signal that asks a program to end.
pub(crate) fn interrupt() -> Arc<AtomicBool> {
    set_by(&ENDING)
}

/// The same of a program that drives a plant, set by Ctrl-Z too: while it is suspended the plant would go on as it was set last.
pub(crate) fn rest() -> Arc<AtomicBool> {
    set_by(&[&ENDING[..], &SUSPENDING[..]].concat())
}

fn set_by(signals: &[i32]) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in signals.iter().filter(|signal| !is_ignored(**signal)) {
        // Without a handler the signal ends the program, which the record survives as well.
        let _ = signal_hook::flag::register(*signal, Arc::clone(&flag));
    }
    flag
}

/// Whoever began the program wants it to outlive this signal, as `nohup` does.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask =
        status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
