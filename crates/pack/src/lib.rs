//! What a vertical brings to the program: engineering and factory work stands on the one loop, and adds the words of its trade.
//!
//! Three nouns. A [`Pack`] is a list of what it brings: drivers of machines and environments, charts, verbs, and the options of
//! its `[pack.NAME]` table in a campaign file. A [`Verb`] is `forethought NAME …`, a function from arguments and a [`Call`] to
//! an [`Answer`]; it reads files only through the call and writes none, for the program does. All packs together are one plain
//! list in the program, and nothing below it knows one by name.
//!
//! ```
//! use clap::{ArgMatches, Command};
//! use forethought_pack::{Answer, Call, Pack, PackError, Verb};
//!
//! fn greet(arguments: &ArgMatches, call: &Call<'_>) -> Result<Answer, PackError> {
//!     let whom = arguments.get_one::<String>("whom").map_or("world", String::as_str);
//!     (call.talk)("looking for words");
//!     Ok(Answer::text(format!("Hello, {whom}"), serde_json::json!({ "greeted": whom })))
//! }
//!
//! let mut pack = Pack::new("greet", serde_json::json!({ "type": "object", "properties": {} }));
//! let command = || Command::new("greet").about("Say hello").arg(clap::Arg::new("whom"));
//! pack.verb = Some(Verb { command, run: greet });
//!
//! let verb = pack.verb.expect("it was just given");
//! let arguments = (verb.command)().get_matches_from(["greet", "Ada"]);
//! let answer = (verb.run)(&arguments, &Call { read: &|_| Ok(Vec::new()), talk: &|_| {}, ended: &|| false }).expect("it cannot fail");
//! assert_eq!(answer.text, "Hello, Ada");
//! ```

use std::path::{Path, PathBuf};

use clap::{ArgMatches, Command};
use forethought_machine::{Driver, EnvironmentDriver};
use forethought_report::PackChart;
use forethought_space::Diagnostic;
use forethought_space::problem::PackSchema;
use serde_json::Value as Json;

/// A vertical.
#[derive(Debug, Clone)]
pub struct Pack {
    /// Its name and the options of its `[pack.NAME]` table.
    pub table: PackSchema,
    /// Machines that it can build, by the name in `driver = …`.
    pub drivers: Vec<Driver>,
    /// Environments that it can build.
    pub environments: Vec<EnvironmentDriver>,
    /// What it draws of a campaign whose file has its table.
    pub charts: Vec<PackChart>,
    /// `forethought NAME …`; none where it brings no verb.
    pub verb: Option<Verb>,
}

impl Pack {
    /// One that brings nothing yet. `options` is the JSON schema, of type object, of its `[pack.NAME]` table.
    pub fn new(name: &'static str, options: Json) -> Self {
        let table = PackSchema { name, schema: options };
        Pack { table, drivers: Vec::new(), environments: Vec::new(), charts: Vec::new(), verb: None }
    }
}

/// A verb of the command line, with verbs of its own below it where it has several.
#[derive(Debug, Clone, Copy)]
pub struct Verb {
    /// How it is called; its name is the pack's.
    pub command: fn() -> Command,
    /// Carries it out.
    pub run: fn(&ArgMatches, &Call<'_>) -> Result<Answer, PackError>,
}

/// What a verb may ask of the program while it runs.
pub struct Call<'a> {
    /// The bytes of a file that a person named.
    pub read: &'a dyn Fn(&Path) -> Result<Vec<u8>, PackError>,
    /// Says a line that is not the answer, such as how far it is.
    pub talk: &'a dyn Fn(&str),
    /// Whether whoever called wants it to end: a verb that can take long looks now and then, and answers with what it has.
    pub ended: &'a dyn Fn() -> bool,
}

/// What a verb has to say, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// For people.
    pub text: String,
    /// For programs: the entries of an object, printed with `--json` in place of the text.
    pub json: Json,
    /// Files to write, whole or not at all.
    pub files: Vec<(PathBuf, Vec<u8>)>,
}

impl Answer {
    /// One without files.
    pub fn text(text: impl Into<String>, json: Json) -> Self {
        Answer { text: text.into(), json, files: Vec::new() }
    }
}

/// Why a verb has no answer: what a person brought is wrong, and nothing was changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PackError {
    /// In the arguments, or in what they name.
    #[error("{message}")]
    Wrong {
        /// In one word, for programs: `shop`, `unknown-order`.
        code: &'static str,
        /// What was found and what was expected.
        message: String,
        /// How to mend it; empty where the message says it.
        hint: String,
    },
    /// In a file: every mistake at once, with its place.
    #[error("{path} has mistakes")]
    File {
        /// As it was named.
        path: String,
        /// What places are counted in.
        text: String,
        /// At least one.
        mistakes: Vec<Diagnostic>,
    },
}

impl PackError {
    /// Something wrong that stands in no file.
    pub fn wrong(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        PackError::Wrong { code, message: message.into(), hint: hint.into() }
    }
}
