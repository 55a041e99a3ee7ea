//! What each column of a table is, and why that is thought: settings, outcomes, remarks, or nothing that counts.

use std::collections::{BTreeMap, BTreeSet};

use forethought_project::is_reserved;
use forethought_source::nearest;
use forethought_source::{Conversion, Relation, Table, identifier, is_date, is_missing, key, relate};
use forethought_space::problem::RULE_WORDS;

use super::mixture::{self, Part};
use super::told::{Told, Wanted};
use forethought_project::Failure;

/// Most distinct values of a numeric column that still read as levels.
const LEVELS_MOST: usize = 6;
/// Rows that each level has at least, on average.
const ROWS_A_LEVEL: usize = 3;
/// Texts that differ in at least this share of the rows name the runs rather than set them.
const NAMES_SHARE: f64 = 0.8;
/// Highest value over lowest from which on ratios are thought to matter.
const LOG_FROM: f64 = 50.0;
/// Whole numbers from here on can't all be told apart.
const WHOLE_MOST: f64 = 9_007_199_254_740_992.0;
/// A held part of a mixture may be varied by this share of the total.
const HELD_PART: f64 = 0.01;

/// Headers of columns that number the runs, as keys.
const NUMBERING: [&str; 26] = [
    "#",
    "no",
    "nr",
    "id",
    "number",
    "nummer",
    "run",
    "runs",
    "runno",
    "runnr",
    "runid",
    "sample",
    "sampleid",
    "sampleno",
    "samplenr",
    "index",
    "idx",
    "exp",
    "experiment",
    "entry",
    "probe",
    "probennr",
    "versuch",
    "versuchnr",
    "lfdnr",
    "row",
];
/// Words in headers of what is measured, as keys.
const MEASURED: [&str; 30] = [
    "viscosity",
    "strength",
    "hardness",
    "yield",
    "purity",
    "conversion",
    "selectivity",
    "roughness",
    "elongation",
    "porosity",
    "ee",
    "gloss",
    "adhesion",
    "viskosität",
    "viskositaet",
    "festigkeit",
    "härte",
    "haerte",
    "ausbeute",
    "reinheit",
    "umsatz",
    "selektivität",
    "rauheit",
    "glanz",
    "haftung",
    "measured",
    "gemessen",
    "result",
    "ergebnis",
    "rendement",
];

/// What a column is taken for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Taken {
    Range {
        low: f64,
        high: f64,
        whole: bool,
        log: bool,
    },
    Share {
        low: f64,
        high: f64,
    },
    Levels(Vec<f64>),
    Choices(Vec<String>),
    Held(f64),
    HeldName(String),
    Outcome(Wanted),
    Remark,
    /// A column that means the same in every table, such as `trial` or `failed`.
    Own,
    LeftOut,
}

impl Taken {
    /// In a few words.
    pub(super) fn text(&self) -> String {
        let number = |x: &f64| forethought_source::exact_text(*x);
        match self {
            Taken::Range { low, high, .. } => format!("setting, {} to {}", number(low), number(high)),
            Taken::Share { low, high } => format!("share, {} to {}", number(low), number(high)),
            Taken::Levels(levels) => {
                format!("setting, one of {}", levels.iter().map(number).collect::<Vec<_>>().join(", "))
            }
            Taken::Choices(names) if names.len() > LEVELS_MOST => {
                format!("setting, one of {} names", names.len())
            }
            Taken::Choices(names) => format!("setting, one of {}", names.join(", ")),
            Taken::Held(x) => format!("held at {}", number(x)),
            Taken::HeldName(name) => format!("held at {name}"),
            Taken::Outcome(wanted) if wanted.goal.is_some() => "outcome, goal".into(),
            Taken::Outcome(wanted) if wanted.min.is_some() || wanted.max.is_some() => {
                "outcome, limited".into()
            }
            Taken::Outcome(_) => "outcome, watched".into(),
            Taken::Remark => "remark".into(),
            Taken::Own => "itself".into(),
            Taken::LeftOut => "left out".into(),
        }
    }

    fn is_setting(&self) -> bool {
        !matches!(self, Taken::Outcome(_) | Taken::Remark | Taken::Own | Taken::LeftOut)
    }
}

/// A column and what it was taken for.
#[derive(Debug, Clone)]
pub(super) struct Guessed {
    /// As in the table.
    pub(super) header: String,
    /// Its name in the campaign.
    pub(super) name: String,
    pub(super) unit: Option<String>,
    pub(super) taken: Taken,
    pub(super) why: String,
}

/// All columns of a table.
#[derive(Debug)]
pub(super) struct Guess {
    /// In the order of the table.
    pub(super) columns: Vec<Guessed>,
    /// What the shares add up to, where there are any.
    pub(super) total: Option<f64>,
    /// What a reader should look at.
    pub(super) notes: Vec<String>,
}

impl Guess {
    pub(super) fn of(table: &Table, told: &Told) -> Result<Guess, Failure> {
        let mut guess = Guess { columns: Vec::new(), total: None, notes: Vec::new() };
        for at in 0..table.columns.len() {
            let column = Column::new(table, at);
            let (taken, why) = column.guess(told, &guess);
            guess.notes.extend(column.notes(&taken));
            guess.columns.push(Guessed {
                header: table.columns[at].header.clone(),
                name: identifier(&table.columns[at].name),
                unit: column.unit(&taken),
                taken,
                why,
            });
        }
        guess.find_mixture(table, told);
        guess.name_apart()?;
        if !guess.columns.iter().any(|c| c.taken.is_setting()) {
            return Err(Failure::yours(
                "table",
                format!("no column is left that can be set\n{}", super::said(&guess)),
            )
            .hint("say which one can be set with `--parameter COLUMN`"));
        }
        Ok(guess)
    }

    /// Makes columns that add up to one total shares of it.
    fn find_mixture(&mut self, table: &Table, told: &Told) {
        let numbers = |at: usize| Column::new(table, at).numbers;
        let parts = (0..self.columns.len()).filter(|at| {
            matches!(self.columns[*at].taken, Taken::Range { .. } | Taken::Levels(_) | Taken::Held(_))
        });
        let parts: Vec<Part> = parts
            .filter_map(|at| {
                let numbers = numbers(at)?;
                (numbers.len() == table.rows.len()).then_some(Part { at, numbers })
            })
            .collect();
        let Some((members, total)) = mixture::find(&parts) else { return };
        let sums = (0..table.rows.len()).map(|row| {
            let of = |p: &&Part| members.contains(&p.at);
            parts.iter().filter(of).map(|p| p.numbers[row]).sum::<f64>()
        });
        let (low, high) = sums.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(x), h.max(x)));
        let number = |x: f64| forethought_space::number_text(x);
        let why = if high - low <= 1e-6 * total {
            format!("these columns add up to {} in every row", number(total))
        } else {
            format!(
                "these columns add up to {} to {}: {} but for rounding",
                number(low),
                number(high),
                number(total)
            )
        };
        for part in parts.iter().filter(|p| members.contains(&p.at)) {
            let (low, high) = ends(&part.numbers);
            let column = &mut self.columns[part.at];
            if high == 0.0 && !told.parameters.contains(&part.at) {
                continue;
            }
            let widened = if low == high { (low, high + HELD_PART * total) } else { (low, high) };
            column.taken = Taken::Share { low: widened.0, high: widened.1 };
            column.why.clone_from(&why);
        }
        self.total = Some(total);
    }

    /// Two columns of one name are told apart, or refused where they have one header.
    fn name_apart(&mut self) -> Result<(), Failure> {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let counts = |c: &Guessed| c.taken.is_setting() || matches!(c.taken, Taken::Outcome(_));
        for at in 0..self.columns.len() {
            if !counts(&self.columns[at]) {
                continue;
            }
            let twice = self.columns[..at].iter().any(|c| counts(c) && c.header == self.columns[at].header);
            if twice {
                let header = &self.columns[at].header;
                return Err(Failure::yours(
                    "table",
                    format!("line 1, column `{header}`: the header has this column twice"),
                )
                .hint("rename one of them, or leave one out of the table"));
            }
            let name = self.columns[at].name.clone();
            let name = if RULE_WORDS.contains(&name.as_str()) { format!("{name}_") } else { name };
            let others = (2..).map(|count| format!("{name}_{count}"));
            let apart = std::iter::once(name.clone()).chain(others).find(|name| !seen.contains(name));
            self.columns[at].name = apart.unwrap_or(name);
            seen.insert(self.columns[at].name.clone());
        }
        Ok(())
    }
}

fn ends(numbers: &[f64]) -> (f64, f64) {
    numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)))
}

/// A column with what its cells say.
struct Column<'t> {
    table: &'t Table,
    at: usize,
    /// Cells in which something was written.
    filled: Vec<&'t str>,
    /// Its numbers, where all that was written are numbers.
    numbers: Option<Vec<f64>>,
    /// The unit of its header, or of its cells.
    given: Option<String>,
}

impl<'t> Column<'t> {
    fn new(table: &'t Table, at: usize) -> Self {
        let filled: Vec<&str> = table.cells(at).filter(|cell| !is_missing(cell)).collect();
        let of_cells = || filled.iter().find_map(|cell| table.quantity(cell).ok()?.1).map(str::to_owned);
        let given = table.columns[at].unit.clone().or_else(of_cells);
        let number = |cell: &&str| {
            let (x, unit) = table.quantity(cell).ok()?;
            let convert = |c: Conversion| c.apply(x);
            match unit.zip(given.as_deref()).map(|(unit, given)| relate(unit, given)) {
                None | Some(Relation::Same) => Some(x),
                Some(Relation::Convertible(c)) => Some(convert(c)),
                Some(_) => None,
            }
        };
        let is_code = filled.iter().any(|cell| is_code(cell));
        let numbers = if is_code || filled.is_empty() { None } else { filled.iter().map(number).collect() };
        Column { table, at, filled, numbers, given }
    }

    fn unit(&self, taken: &Taken) -> Option<String> {
        let is_name = matches!(taken, Taken::Choices(_) | Taken::HeldName(_));
        let unit = self.given.as_deref().filter(|_| !is_name)?;
        Some(unit.trim_matches(['(', ')', '[', ']']).trim().to_owned()).filter(|u| !u.is_empty())
    }

    fn distinct(&self) -> usize {
        let mut keys: Vec<String> = self.filled.iter().map(|cell| key(cell)).collect();
        keys.sort();
        keys.dedup();
        keys.len()
    }

    fn guess(&self, told: &Told, before: &Guess) -> (Taken, String) {
        let head = &self.table.columns[self.at];
        if let Some(wanted) = told.outcomes.get(&self.at) {
            return (Taken::Outcome(*wanted), "as you said".into());
        }
        if told.ignored.contains(&self.at) {
            return (Taken::LeftOut, "as you said".into());
        }
        if told.parameters.contains(&self.at) {
            return (self.setting(), "as you said".into());
        }
        if head.header.is_empty() {
            return (Taken::LeftOut, "it has no name".into());
        }
        if is_reserved(&head.header) {
            return match key(&head.header).as_str() {
                "trial" | "failed" | "state" | "source" | "started" | "ended" | "why" => {
                    (Taken::Own, "it means the same in every table".into())
                }
                _ => (Taken::Remark, "kept with each run, and not learnt from".into()),
            };
        }
        if let Some(why) = self.names_runs() {
            return (Taken::LeftOut, why);
        }
        if let Some(why) = self.was_measured(told, before) {
            return (Taken::Outcome(Wanted::default()), why);
        }
        let distinct = self.distinct();
        if self.numbers.is_none() && distinct > 2 && distinct as f64 >= NAMES_SHARE * self.filled.len() as f64
        {
            let why = format!(
                "{distinct} different texts in {} rows; `--parameter` if it can be set",
                self.filled.len()
            );
            return (Taken::LeftOut, why);
        }
        if self.numbers.is_none()
            && distinct > 1
            && let Some(outcome) = self.is_behind(told, before)
        {
            return (Taken::LeftOut, format!("it stands behind `{outcome}`; `--parameter` if it can be set"));
        }
        let why = match &self.numbers {
            Some(_) => "numbers".to_owned(),
            None if self.filled.iter().any(|cell| is_code(cell)) => {
                "names: digits with leading zeros are a code".into()
            }
            None => "names that come again".into(),
        };
        (self.setting(), why)
    }

    /// Why a column only names or numbers the runs, if it does.
    fn names_runs(&self) -> Option<String> {
        if self.filled.is_empty() {
            return Some("nothing is written in it".into());
        }
        if 10 * self.filled.iter().filter(|cell| is_date(cell)).count() >= 9 * self.filled.len() {
            return Some("dates and times".into());
        }
        let is_each = self.distinct() == self.filled.len();
        if is_each && NUMBERING.contains(&key(&self.table.columns[self.at].name).as_str()) {
            return Some("it names the runs".into());
        }
        let counts = |xs: &Vec<f64>| {
            xs.len() >= 3 && (xs[0] == 0.0 || xs[0] == 1.0) && xs.windows(2).all(|w| w[1] == w[0] + 1.0)
        };
        self.numbers.as_ref().filter(|xs| counts(xs)).map(|_| "it counts the rows".into())
    }

    /// Why a column is thought to be measured, if it is.
    fn was_measured(&self, told: &Told, before: &Guess) -> Option<String> {
        let is_beyond = |cell: &str| {
            let rest =
                cell.strip_prefix(['<', '>', '≥', '≤']).map(|rest| rest.trim_start_matches('=').trim());
            rest.is_some_and(|rest| self.table.quantity(rest).is_ok())
        };
        let say = "`--parameter` if it can be set";
        if let Some(cell) = self.filled.iter().find(|cell| is_beyond(cell)) {
            return Some(format!("only what is measured can be {cell:?}; {say}"));
        }
        self.numbers.as_ref()?;
        let name = identifier(&self.table.columns[self.at].name).to_lowercase();
        if let Some(word) = name.split('_').find(|word| MEASURED.contains(word)) {
            return Some(format!("{word} is measured; {say}"));
        }
        self.is_behind(told, before).map(|outcome| format!("it stands behind `{outcome}`; {say}"))
    }

    /// The outcome behind which a column stands, where settings stand before it: what is seen is written down after what was set.
    fn is_behind(&self, told: &Told, before: &Guess) -> Option<&'t str> {
        let first = *told.outcomes.keys().next()?;
        let has_settings = before.columns.iter().take(first).any(|c| c.taken.is_setting());
        (self.at > first && has_settings).then(|| self.table.columns[first].name.as_str())
    }

    /// What can be set, from the values that were.
    fn setting(&self) -> Taken {
        let Some(mut xs) = self.numbers.clone() else { return self.names() };
        xs.sort_by(f64::total_cmp);
        xs.dedup();
        let (low, high) = ends(&xs);
        if low == high {
            return Taken::Held(low);
        }
        if xs.len() <= LEVELS_MOST && self.filled.len() >= ROWS_A_LEVEL * xs.len() {
            return Taken::Levels(xs);
        }
        let log = low > 0.0 && high / low > LOG_FROM;
        // Beyond the whole numbers that can be told apart a step of one is none.
        let is_whole = |x: &f64| x.fract() == 0.0 && x.abs() < WHOLE_MOST;
        let whole = !log && xs.iter().all(is_whole) && high - low >= 1.0;
        Taken::Range { low, high, whole, log }
    }

    /// Names without those that only differ by case, blanks and marks from one that is more frequent.
    fn names(&self) -> Taken {
        let mut names: Vec<String> = self.spellings().into_values().map(|all| all[0].0.to_owned()).collect();
        names.sort();
        match names.as_slice() {
            [one] => Taken::HeldName(one.clone()),
            _ => Taken::Choices(names),
        }
    }

    /// Spellings by what they spell, the most frequent first.
    fn spellings(&self) -> BTreeMap<String, Vec<(&'t str, usize)>> {
        let mut all: BTreeMap<String, Vec<(&str, usize)>> = BTreeMap::new();
        for cell in &self.filled {
            let same = all.entry(key(cell)).or_default();
            match same.iter_mut().find(|(known, _)| known == cell) {
                Some((_, count)) => *count += 1,
                None => same.push((cell, 1)),
            }
        }
        all.values_mut().for_each(|same| same.sort_by_key(|(_, count)| std::cmp::Reverse(*count)));
        all
    }

    /// Names that may be one: a slip of the pen is a setting of its own otherwise.
    fn notes(&self, taken: &Taken) -> Vec<String> {
        let Taken::Choices(names) = taken else { return vec![] };
        let header = &self.table.columns[self.at].header;
        let slip = |(i, name): (usize, &String)| {
            let others = names[..i].iter().filter(|other| other.chars().count() > 4).map(String::as_str);
            let is_long = name.chars().count() > 4 && !name.chars().any(|c| c.is_ascii_digit());
            let near = nearest(name, others).filter(|_| is_long)?;
            Some(format!("`{header}`: are {near:?} and {name:?} two things? they are taken as two"))
        };
        names.iter().enumerate().filter_map(slip).collect()
    }
}

/// Digits that begin with a zero name something: 007 is no 7.
fn is_code(cell: &str) -> bool {
    cell.len() > 1 && cell.starts_with('0') && cell.chars().all(|c| c.is_ascii_digit())
}
