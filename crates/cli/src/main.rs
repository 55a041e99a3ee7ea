//! The program `forethought`: parses, wires the crates together, prints once, exits with a code.

mod args;
mod exit;
mod file;
mod host;
mod measure;
mod progress;
mod show;
mod table;
mod verb;
mod voice;

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches};

use args::{Arguments, Verb};
use exit::Exit;
use forethought_pack::{Pack, Verb as PackVerb};
use forethought_project::Failure;

/// What was asked for.
enum Called {
    /// One of the program's own verbs.
    Own(Box<Arguments>),
    /// A pack's, with what was said after it.
    Packs(PackVerb, ArgMatches),
}

/// The command line with the verbs of these packs.
fn command(packs: &[Pack]) -> Command {
    let verbs = packs.iter().filter_map(|pack| pack.verb);
    verbs.fold(Arguments::command(), |command, verb| command.subcommand((verb.command)()))
}

fn called(packs: &[Pack], words: impl Iterator<Item = std::ffi::OsString>) -> Result<Called, clap::Error> {
    let mut command = command(packs);
    let matches = command.try_get_matches_from_mut(words)?;
    let pack = matches.subcommand().and_then(|(name, said)| {
        Some((packs.iter().find(|pack| pack.table.name == name)?.verb?, said.clone()))
    });
    Ok(match pack {
        Some((verb, said)) => Called::Packs(verb, said),
        None => {
            Called::Own(Box::new(Arguments::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?))
        }
    })
}

fn main() -> std::process::ExitCode {
    let called = match called(&host::packs(), std::env::args_os()) {
        Ok(called) => called,
        Err(e) => {
            // Help and version are answers; the rest are mistakes of the caller.
            let printed = e.print();
            if e.use_stderr() {
                return Exit::Yours.into();
            }
            voice::note(printed);
            return ended(Exit::Done);
        }
    };
    let (done, as_json) = match &called {
        Called::Own(arguments) => (run(arguments), arguments.json),
        Called::Packs(verb, said) => (verb::pack(*verb, said), said.get_flag("json")),
    };
    ended(done.unwrap_or_else(|failure| {
        exit::print(&failure, as_json);
        failure.blame.into()
    }))
}

/// The code to exit with, unless what was printed was lost.
fn ended(exit: Exit) -> std::process::ExitCode {
    let lost = voice::lost().map(|failure| {
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
            let mut command = command(&host::packs());
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut command, "forethought", &mut script);
            voice::put(&script);
            Ok(Exit::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use forethought_pack::Answer;

    use super::*;

    #[test]
    fn a_packs_verb_is_called_with_what_was_said_and_the_programs_own_flags() {
        let mut pack = Pack::new("greet", serde_json::json!({ "type": "object" }));
        let verb = PackVerb {
            command: || Command::new("greet").arg(clap::Arg::new("whom")),
            run: |said, _| {
                Ok(Answer::text(
                    said.get_one::<String>("whom").cloned().unwrap_or_default(),
                    serde_json::json!({}),
                ))
            },
        };
        pack.verb = Some(verb);
        let words =
            |line: &str| line.split(' ').map(Into::into).collect::<Vec<std::ffi::OsString>>().into_iter();
        let packs = [pack];
        let Ok(Called::Packs(_, said)) = called(&packs, words("forethought greet Ada --json")) else {
            panic!("no verb of a pack")
        };
        assert_eq!(said.get_one::<String>("whom").map(String::as_str), Some("Ada"));
        assert!(said.get_flag("json") && !said.get_flag("quiet"));
        let own = called(&packs, words("forethought status oven.toml"));
        assert!(matches!(own, Ok(Called::Own(arguments)) if matches!(arguments.verb, Verb::Status(_))));
        assert!(called(&[], words("forethought greet Ada")).is_err());
    }
}
