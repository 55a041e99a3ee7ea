//! What can be said where a table is brought.

use std::path::PathBuf;

use clap::Args;

use super::File;

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The file to write; `campaign.toml` when left out.
    pub(crate) file: Option<PathBuf>,
    /// A table of runs to guess from and to import.
    #[arg(long, value_name = "CSV")]
    pub(crate) from: Option<PathBuf>,
    /// A campaign whose measurements a new one begins with: its file is written if it is not there, and taken as it is if it is.
    #[arg(long = "continue", value_name = "OLD", conflicts_with = "from", requires = "file")]
    pub(crate) older: Option<PathBuf>,
    /// With `--continue`: what a parameter that is new was until now.
    #[arg(long, value_name = "PARAMETER=VALUE", requires = "older")]
    pub(crate) set: Vec<String>,
    /// With `--continue`: a name of the old campaign and the new one for it.
    #[arg(long, value_name = "OLD=NEW", requires = "older")]
    pub(crate) map: Vec<String>,
    /// A column that is a goal, such as `strength=max`, `hours=min` or `gloss=80`.
    #[arg(long = "goal", value_name = "COLUMN=max|min|VALUE")]
    pub(crate) goals: Vec<String>,
    /// A column that must keep a limit, such as `viscosity<=1500`.
    #[arg(long = "limit", value_name = "COLUMN<=VALUE")]
    pub(crate) limits: Vec<String>,
    /// A column that is measured, recorded and learnt, and neither a goal nor limited.
    #[arg(long = "outcome", visible_alias = "watch", value_name = "COLUMN")]
    pub(crate) watched: Vec<String>,
    /// A column that can be set, where that is not seen.
    #[arg(long = "parameter", value_name = "COLUMN")]
    pub(crate) parameters: Vec<String>,
    /// A column to leave out.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) ignore: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Table {
    #[command(flatten)]
    pub(crate) file: File,
    /// The table.
    pub(crate) table: PathBuf,
    /// Rows that equal rows taken in before were measured again: count them again.
    #[arg(long)]
    pub(crate) repeats: bool,
    /// Rows that come again with other values correct the earlier ones, which stay in the record.
    #[arg(long, conflicts_with = "repeats")]
    pub(crate) corrections: bool,
    /// What a parameter without a column was in every row.
    #[arg(long, value_name = "PARAMETER=VALUE")]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) columns: Columns,
}

/// What is said of a table's columns beside it.
#[derive(Debug, Args)]
pub(crate) struct Columns {
    /// A column of the table to leave out.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) ignore: Vec<String>,
    /// A column of the table and the name in the campaign that it stands for.
    #[arg(long, value_name = "COLUMN=NAME")]
    pub(crate) map: Vec<String>,
}
