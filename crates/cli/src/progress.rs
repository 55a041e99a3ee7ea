//! What long work shows, and what stops it.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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

/// Set by Ctrl-C and by the polite signal to end.
pub(crate) fn interrupt() -> Arc<AtomicBool> {
    let interrupt = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without a handler the signal ends the program, which the record survives as well.
        let _ = signal_hook::flag::register(signal, Arc::clone(&interrupt));
    }
    interrupt
}
