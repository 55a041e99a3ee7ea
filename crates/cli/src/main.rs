//! The program `forethought`: parses, wires the crates together, prints once, exits with a code.

mod args;
mod exit;
mod host;
mod measure;
mod output;
mod progress;
mod show;
mod table;
mod verb;

use clap::Parser;

use args::{Arguments, Verb};
use exit::Exit;
use forethought_project::Failure;
use output::{say, talk};

fn main() -> std::process::ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(e) => {
            // Help and version are answers; the rest are mistakes of the caller.
            let printed = e.print();
            if e.use_stderr() {
                return Exit::Yours.into();
            }
            output::note(printed);
            return ended(Exit::Done);
        }
    };
    ended(run(&arguments).unwrap_or_else(|failure| {
        exit::print(&failure, arguments.json);
        failure.blame.into()
    }))
}

/// The code to exit with, unless what was printed was lost.
fn ended(exit: Exit) -> std::process::ExitCode {
    let lost = output::lost().map(|failure| {
        exit::print(&failure, false);
        failure.blame.into()
    });
    lost.unwrap_or(exit).into()
}

fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.verb {
        Verb::Check(v) => verb::check(arguments, v),
        Verb::Schema => verb::schema(),
        Verb::Init(v) => verb::init(arguments, v),
        Verb::Run(v) => verb::run(arguments, v),
        Verb::Ask(v) => verb::ask(arguments, v),
        Verb::Tell(v) => verb::tell(arguments, v),
        Verb::Import(v) => verb::import(arguments, v),
        Verb::Amend(v) => verb::amend(arguments, v),
        Verb::Retract(v) => verb::simple(arguments, v, verb::Simple::Retract),
        Verb::Withdraw(v) => verb::simple(arguments, v, verb::Simple::Withdraw),
        Verb::Approve(v) => verb::simple(arguments, v, verb::Simple::Approve),
        Verb::Reject(v) => verb::simple(arguments, v, verb::Simple::Reject),
        Verb::Pause(v) => verb::whole(arguments, v, verb::Whole::Pause),
        Verb::Resume(v) => verb::whole(arguments, v, verb::Whole::Resume),
        Verb::Stop(v) => verb::whole(arguments, v, verb::Whole::Stop),
        Verb::Release(v) => verb::whole(arguments, v, verb::Whole::Release),
        Verb::Resolve(v) => verb::resolve(arguments, v),
        Verb::Next(v) => verb::next(arguments, v),
        Verb::Status(v) => verb::status(arguments, v),
        Verb::Best(v) => verb::best(arguments, v),
        Verb::Predict(v) => verb::predict(arguments, v),
        Verb::Why(v) => verb::why(arguments, v),
        Verb::Log(v) => verb::log(arguments, v),
        Verb::Verify(v) => verb::verify(arguments, v),
        Verb::Replay(v) => verb::replay(arguments, v),
        Verb::Export(v) => verb::export(arguments, v),
        Verb::Report(v) => verb::report(arguments, v),
        Verb::Machines(v) => verb::machines(arguments, v),
        Verb::World(v) => verb::world(arguments, v),
        Verb::Backtest(v) => verb::backtest(arguments, v),
        Verb::Completions { shell } => {
            let mut command = <Arguments as clap::CommandFactory>::command();
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "forethought", &mut script);
            output::put(&script);
            Ok(Exit::Done)
        }
    }
}

/// The one place that reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell is where time comes in")]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
