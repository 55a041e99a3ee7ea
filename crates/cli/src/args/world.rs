//! What can be said of a plant.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Columns;

#[derive(Debug, Subcommand)]
pub(crate) enum World {
    /// Explore, learn, plan and act, until every episode of the world file is done.
    #[command(after_help = "Examples:
  forethought world drive examples/tanks
  forethought world drive furnace-2.toml --recall examples/furnace    begin from another plant's model")]
    Drive(Driving),
    /// Explore only: safe episodes from which a model can be learnt.
    #[command(after_help = "Example:
  forethought world explore examples/tanks")]
    Explore(Driving),
    /// Learn a model from all episodes, exploring first where that is not done.
    #[command(after_help = "Examples:
  forethought world train examples/tanks
  forethought world train plant.toml --no-report         after `world import`: nothing is set on the plant then")]
    Train(Driving),
    /// What the plant would show under given actions, with 90 % bands.
    #[command(after_help = "Examples:
  forethought world imagine examples/tanks --set pump_1=4 --periods 40
  forethought world imagine examples/tanks --episode 9 --from 100        against what was measured")]
    Imagine(Imagine),
    /// What surprised the model in an episode, and what a person says of an alarm.
    #[command(after_help = "Examples:
  forethought world surprise examples/tanks                  the last episode
  forethought world surprise examples/tanks --alarm 3 --no-fault")]
    Surprise(Surprise),
    /// Say that somebody works at the plant: what sensors show is neither steered by nor learnt from, and raises no alarm.
    #[command(after_help = "Examples:
  forethought world maintain plant.toml             from now on, from episode to episode
  forethought world maintain plant.toml --over      no more")]
    Maintain(Maintain),
    /// Where the world stands.
    #[command(after_help = "Example:
  forethought world status examples/tanks --json")]
    Status(WorldFile),
    /// Check a world file: every mistake at once, with line and column.
    ///
    /// The plant's program is asked what it has, unless another process drives it.
    #[command(after_help = "Example:
  forethought world check examples/tanks")]
    Check(WorldFile),
    /// Write the report, one HTML file that works offline.
    #[command(after_help = "Example:
  forethought world report examples/tanks --output tanks.html")]
    Report(WorldReport),
    /// Write an episode as a table, CSV or Parquet.
    #[command(after_help = "Examples:
  forethought world export examples/tanks > last.csv
  forethought world export examples/tanks --episode 3 --output three.parquet")]
    Export(ExportEpisode),
    /// Take tables of what the plant did before as exploring episodes, to learn from.
    #[command(after_help = "Examples:
  forethought world import plant.toml march.csv april.parquet    then `world train`, or `world drive`

A column `time_s` in seconds, or `time` with dates, one a sensor and one an action by their names; others are left alone. What
a historian writes for bad values counts as not read, and lines that repeat the one before are passed over. Times need not be even:
a sensor counts as read where its last value is no older than a period, an action holds until the next.")]
    Import(ImportEpisodes),
    /// Print the JSON schema of world files.
    #[command(after_help = "Example:
  forethought world schema > world.schema.json")]
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Driving {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// A world file of the same kind of plant whose model to begin from.
    #[arg(long, value_name = "WORLD")]
    pub(crate) recall: Option<PathBuf>,
    /// Write no report at the end.
    #[arg(long)]
    pub(crate) no_report: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Imagine {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// The episode; the last when left out.
    #[arg(long)]
    pub(crate) episode: Option<u64>,
    /// The reading from which to imagine, periods from the beginning; the last when left out.
    #[arg(long)]
    pub(crate) from: Option<usize>,
    /// How far.
    #[arg(long, default_value_t = 30)]
    pub(crate) periods: usize,
    /// An action to hold, as NAME=VALUE; the others stay as they were set.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Surprise {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// The episode; the last when left out.
    #[arg(long)]
    pub(crate) episode: Option<u64>,
    /// The alarm that is judged.
    #[arg(long)]
    pub(crate) alarm: Option<u64>,
    /// It was no fault.
    #[arg(long, requires = "alarm", conflicts_with = "fault")]
    pub(crate) no_fault: bool,
    /// It was a fault.
    #[arg(long, requires = "alarm")]
    pub(crate) fault: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Maintain {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// Nobody works at it any more.
    #[arg(long)]
    pub(crate) over: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportEpisode {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// The episode; the last when left out.
    #[arg(long)]
    pub(crate) episode: Option<u64>,
    /// Where to write it, Parquet where the name ends so; CSV on standard output when left out.
    #[arg(long, short, value_name = "TABLE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ImportEpisodes {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// Tables, each an episode.
    #[arg(required = true, value_name = "TABLE")]
    pub(crate) tables: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) columns: Columns,
}

/// A world file.
#[derive(Debug, Args)]
pub(crate) struct WorldFile {
    /// The world file, or its folder.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WorldReport {
    #[command(flatten)]
    pub(crate) file: WorldFile,
    /// Where to write it; `reports/` when left out.
    #[arg(long, short, value_name = "HTML")]
    pub(crate) output: Option<PathBuf>,
    /// Prints one picture as plotly's JSON instead, such as `progress/strength`; `list` names those there are
    #[arg(long, value_name = "NAME", conflicts_with = "output")]
    pub(crate) chart: Option<String>,
}
