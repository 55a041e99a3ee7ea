//! What can be said on the command line.

mod tables;
mod world;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use tables::{Columns, Init, Table};
pub(crate) use world::{
    Driving, ExportEpisode, Imagine, ImportEpisodes, Maintain, Surprise, World, WorldFile, WorldReport,
};

/// Finds the next experiments worth doing, runs them, and never loses one.
///
/// A campaign file says what can be set, what is wanted, and which machine can try it. Everything
/// else stands beside that file.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 100,
    after_help = "Examples:
  forethought init --from runs.csv --goal strength=max   a campaign from a table
  forethought check oven.toml                            every mistake in the file
  forethought run oven.toml                              drive the machines to the end
  forethought ask oven.toml --count 4                    the next trials, for your own hands
  forethought tell oven.toml --trial 3 strength=812      what came out

Exit codes: 0 done, 1 ours, 2 yours, 3 waits for a person, 4 held by the envelope, 130 interrupted."
)]
pub(crate) struct Arguments {
    /// Print one JSON document on standard output.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but the answer.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Who does this; your user name when left out.
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub(crate) actor: Option<String>,
    /// Where the record stands; the campaign file's folder when left out.
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make a campaign file, from a table of runs or from nothing.
    #[command(after_help = "Examples:
  forethought init --from runs.csv --goal strength=max --limit 'viscosity<=1500' --watch colour
  forethought init --from runs.csv --goal strength=max --goal hours=min --ignore operator
  forethought init bracket.toml
  forethought init oven-2.toml --continue oven.toml              a copy under a new name, to be changed
  forethought init oven-2.toml --continue oven.toml --set minutes=20    takes in what the old one measured")]
    Init(Init),
    /// Check a campaign file: every mistake at once, with line and column.
    #[command(after_help = "Example:
  forethought check oven.toml --json")]
    Check(File),
    /// Drive the campaign's machines until the budget or the goal is reached.
    #[command(after_help = "Examples:
  forethought run examples/bracket
  forethought run oven.toml --reason \"wider range agreed with Anna\"")]
    Run(Run),
    /// Get the next trials, recorded open, for your own hands.
    #[command(after_help = "Examples:
  forethought ask oven.toml --count 8 --csv plan.csv     a run sheet to fill in
  forethought ask oven.toml --json")]
    Ask(Ask),
    /// List what waits for people; changes nothing.
    #[command(after_help = "Example:
  forethought next oven.toml")]
    Next(File),
    /// Record what came out.
    #[command(after_help = "Examples:
  forethought tell oven.toml --trial 12 strength=812 density=0.997
  forethought tell oven.toml --trial 12 strength=812 strength=808      readings of one run
  forethought tell oven.toml --trial 12 'fatigue=>1e7'                 censored
  forethought tell oven.toml --trial 12 density=null                   could not be measured
  forethought tell oven.toml --trial 12 --failed recipe \"did not print\"
  forethought tell oven.toml --trial 12 --as-run melt=233 strength=812
  forethought tell oven.toml --recipe '{\"melt\":230}' strength=790      nobody asked for it
  forethought tell oven.toml plan.csv                                  a run sheet, all or nothing")]
    Tell(Tell),
    /// Take in a table of measurements made elsewhere, all or nothing.
    ///
    /// What the record has already is not taken twice.
    #[command(after_help = "Examples:
  forethought import oven.toml last-year.csv
  forethought import oven.toml last-year.csv             again, after rows were added: only those are new
  forethought import oven.toml again.csv --repeats       equal rows are repeats, and count
  forethought import oven.toml last-year.csv --corrections    where other values are right now
  forethought import oven.toml runs.csv --map 'T oven=temperature' --ignore operator
  forethought import oven-2.toml old.csv --set minutes=20    what the table lacks was the same in all its rows")]
    Import(Table),
    /// Correct a measurement; the wrong one stays in the record.
    #[command(after_help = "Example:
  forethought amend oven.toml --trial 12 strength=821 --reason \"typing error\"")]
    Amend(Amend),
    /// Take a measurement out; it stays in the record.
    #[command(after_help = "Example:
  forethought retract oven.toml 12 --reason \"wrong batch\"")]
    Retract(OneTrial),
    /// Free a trial that won't be done.
    #[command(after_help = "Example:
  forethought withdraw oven.toml 12")]
    Withdraw(OneTrial),
    /// Where the campaign stands.
    #[command(after_help = "Example:
  forethought status oven.toml --json")]
    Status(File),
    /// The recipe to recommend: the posterior's best, not the luckiest measurement.
    #[command(after_help = "Example:
  forethought best oven.toml")]
    Best(File),
    /// What to expect of a recipe.
    #[command(after_help = "Example:
  forethought predict oven.toml '{\"melt\":230,\"speed\":40}'")]
    Predict(Predict),
    /// Why a trial was proposed.
    #[command(after_help = "Example:
  forethought why oven.toml 12")]
    Why(OneTrial),
    /// Agree to a trial that the envelope holds.
    #[command(after_help = "Example:
  forethought approve oven.toml 12 --as ada")]
    Approve(OneTrial),
    /// Turn a trial down, wherever it stands: what runs of it is halted, and nothing near it is tried again.
    #[command(
        visible_alias = "veto",
        after_help = "Example:
  forethought veto oven.toml 12 --reason \"too hot for this batch\""
    )]
    Reject(OneTrial),
    /// Start nothing new.
    #[command(after_help = "Example:
  forethought pause oven.toml --reason \"lunch\"")]
    Pause(Whole),
    /// Go on, paused machines included.
    #[command(after_help = "Example:
  forethought resume oven.toml")]
    Resume(Whole),
    /// Halt all machines; holds until `release`. This is not a safety function: hardware is.
    ///
    /// Of a world: whoever drives the plant ends, and the plant is brought to its safe action.
    #[command(after_help = "Examples:
  forethought stop oven.toml --reason \"smoke\"
  forethought stop tanks.toml                            of a world too; `world drive` goes on")]
    Stop(Whole),
    /// Lift a stop.
    #[command(after_help = "Example:
  forethought release oven.toml")]
    Release(Whole),
    /// Say what became of an order that nobody can know of.
    #[command(after_help = "Example:
  forethought resolve oven.toml 7 did-not-run")]
    Resolve(Resolve),
    /// Write the report, one HTML file that works offline.
    #[command(after_help = "Example:
  forethought report oven.toml")]
    Report(Report),
    /// Print the record, one event a line.
    #[command(after_help = "Example:
  forethought log oven.toml --json                       as JSON, an event a line
  forethought log tanks.toml                             of a world as well")]
    Log(File),
    /// Check the record against damage and cut tails.
    #[command(after_help = "Example:
  forethought verify oven.toml
  forethought verify tanks.toml                          of a world its models and episodes too")]
    Verify(File),
    /// Decide everything again from the record; the same build gives the same bits.
    #[command(after_help = "Example:
  forethought replay oven.toml
  forethought replay tanks.toml                          of a world its actions and alarms")]
    Replay(File),
    /// Write all trials as a CSV table.
    #[command(after_help = "Example:
  forethought export oven.toml --output trials.csv")]
    Export(Export),
    /// Try the defaults on a table of measurements, with many seeds.
    #[command(after_help = "Example:
  forethought backtest crossed-barrel.toml --seeds 50 --trials 200")]
    Backtest(Backtest),
    /// List the campaign's machines.
    #[command(after_help = "Example:
  forethought machines oven.toml")]
    Machines(File),
    /// Learn how a plant moves, foresee, and steer it; `stop`, `log`, `verify` and `replay` take world files too.
    #[command(subcommand)]
    World(World),
    /// Print the JSON schema of campaign files.
    #[command(after_help = "Example:
  forethought schema > campaign.schema.json")]
    Schema,
    /// Print a completion script for a shell.
    #[command(after_help = "Example:
  forethought completions bash > ~/.local/share/bash-completion/completions/forethought")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// A campaign file.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The campaign file, or its folder.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) file: File,
    /// Why the campaign file was changed.
    #[arg(long, default_value = "the file was edited")]
    pub(crate) reason: String,
    /// Write no report at the end.
    #[arg(long)]
    pub(crate) no_report: bool,
    /// Where only people can go on, wait for them: an approval, an answer or a changed file goes on by itself.
    #[arg(long)]
    pub(crate) wait: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    pub(crate) file: File,
    /// How many trials.
    #[arg(long, short, default_value_t = 1)]
    pub(crate) count: usize,
    /// Write a run sheet in random order, outcomes left empty.
    #[arg(long, value_name = "CSV")]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Tell {
    #[command(flatten)]
    pub(crate) file: File,
    /// OUTCOME=VALUE, or a run sheet.
    pub(crate) values: Vec<String>,
    /// The trial that it answers.
    #[arg(long)]
    pub(crate) trial: Option<u64>,
    /// A recipe that nobody asked for, as JSON.
    #[arg(long, conflicts_with = "trial")]
    pub(crate) recipe: Option<String>,
    /// It failed; the message stands behind it.
    #[arg(long, value_name = "KIND")]
    pub(crate) failed: Option<FailedKind>,
    /// What was really set, as PARAMETER=VALUE.
    #[arg(long, value_name = "PARAMETER=VALUE")]
    pub(crate) as_run: Vec<String>,
    /// What was seen with it, as NAME=VALUE.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) context: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: Columns,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum FailedKind {
    /// It could not be made: learnt from.
    Recipe,
    /// The machine broke: says nothing about the recipe.
    Machine,
    /// Somebody stopped it.
    Stopped,
    /// It took too long.
    TimedOut,
}

#[derive(Debug, Args)]
pub(crate) struct Amend {
    #[command(flatten)]
    pub(crate) file: File,
    /// The trial.
    #[arg(long)]
    pub(crate) trial: u64,
    /// OUTCOME=VALUE.
    #[arg(required = true)]
    pub(crate) values: Vec<String>,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The trial; `--trial TRIAL` says the same.
    #[arg(value_name = "TRIAL", required_unless_present = "trial")]
    number: Option<u64>,
    #[arg(long, value_name = "TRIAL", hide = true, conflicts_with = "number")]
    trial: Option<u64>,
}

impl Which {
    /// The trial, however it was named; no trial has the number 0.
    pub(crate) fn trial(&self) -> u64 {
        self.number.or(self.trial).unwrap_or_default()
    }
}

#[derive(Debug, Args)]
pub(crate) struct OneTrial {
    #[command(flatten)]
    pub(crate) file: File,
    #[command(flatten)]
    pub(crate) which: Which,
    /// Why.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Whole {
    #[command(flatten)]
    pub(crate) file: File,
    /// Why.
    #[arg(long, default_value = "")]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Predict {
    #[command(flatten)]
    pub(crate) file: File,
    /// Recipes as JSON objects.
    #[arg(required = true)]
    pub(crate) recipes: Vec<String>,
}

#[derive(Debug, Args)]
#[command(allow_missing_positional = true)]
pub(crate) struct Resolve {
    #[command(flatten)]
    pub(crate) file: File,
    #[command(flatten)]
    pub(crate) which: Which,
    /// What became of it.
    pub(crate) verdict: Verdict,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Verdict {
    /// It ran; `tell` its result.
    Ran,
    /// It did not run; it may be sent again.
    DidNotRun,
    /// The trial is given up.
    Discarded,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) file: File,
    /// Where to write it; `reports/` when left out.
    #[arg(long, short, value_name = "HTML")]
    pub(crate) output: Option<PathBuf>,
    /// Prints one picture as plotly's JSON instead, such as `progress/strength`; `list` names those there are
    #[arg(long, value_name = "NAME", conflicts_with = "output")]
    pub(crate) chart: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) file: File,
    /// Where to write it; standard output when left out.
    #[arg(long, short, value_name = "CSV")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Backtest {
    #[command(flatten)]
    pub(crate) file: File,
    /// Campaigns, each with its own seed.
    #[arg(long, default_value_t = 20)]
    pub(crate) seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    pub(crate) from: u64,
    /// Trials of each campaign; half the table when left out.
    #[arg(long)]
    pub(crate) trials: Option<u32>,
    /// The top share that counts as found, in per cent.
    #[arg(long, default_value_t = 5.0)]
    pub(crate) top: f64,
    /// Write one JSON line a seed, and go on after those that are there.
    #[arg(long, value_name = "JSONL")]
    pub(crate) output: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::{Arguments, Verb};

    fn trial(words: &str) -> Option<u64> {
        match Arguments::try_parse_from(words.split_whitespace()).ok()?.verb {
            Verb::Resolve(v) => Some(v.which.trial()),
            Verb::Retract(v) | Verb::Withdraw(v) | Verb::Why(v) | Verb::Approve(v) | Verb::Reject(v) => {
                Some(v.which.trial())
            }
            _ => None,
        }
    }

    #[test]
    fn a_trial_is_given_by_place_or_by_name() {
        for (verb, rest) in [
            ("resolve", "ran"),
            ("retract", ""),
            ("withdraw", ""),
            ("why", ""),
            ("approve", ""),
            ("reject", ""),
        ] {
            assert_eq!(trial(&format!("f {verb} a.toml 7 {rest}")), Some(7), "{verb}");
            assert_eq!(trial(&format!("f {verb} a.toml --trial 7 {rest}")), Some(7), "{verb}");
            assert_eq!(trial(&format!("f {verb} a.toml {rest}")), None, "{verb}");
            assert_eq!(trial(&format!("f {verb} a.toml 7 --trial 8 {rest}")), None, "{verb}");
        }
    }

    #[test]
    fn help_shows_the_shorter_way_to_name_a_trial() {
        for verb in ["resolve", "retract", "withdraw", "why", "approve", "reject"] {
            let help = Arguments::command();
            let help = help.find_subcommand(verb).unwrap().clone().render_long_help().to_string();
            assert!(help.contains("<FILE> [TRIAL]"), "{help}");
            assert!(!help.contains("oven.toml --trial"), "{help}");
        }
    }
}
