//! What the columns of a table stand for: names as people vary them, and units.

use forethought_source::nearest;
use forethought_source::{Column as Head, Conversion, Relation, Table, Unit, key, relate};
use forethought_space::{Domain, Problem};

use super::complaint::CellError;
use super::tally::Tally;
use super::{Reading, is_text};

/// What a column stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The number of a trial.
    Trial,
    /// Where a row comes from.
    Source,
    /// What became of a trial, as an export writes it.
    State,
    /// Whether it failed, and how.
    Failed,
    /// Words that are kept and mean nothing to the model.
    Remark,
    /// A parameter, by its slot.
    Parameter(usize),
    /// An outcome, by its place.
    Outcome(usize),
    /// What was seen with it.
    Context(String),
    /// Nothing.
    Unused,
}

/// A column of a table and what it stands for.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As in the file.
    pub(super) header: String,
    pub(super) meaning: Meaning,
    /// What its numbers are brought to, where that is known: the campaign's unit, or the header's where the campaign has none.
    pub(super) unit: Option<String>,
    /// From the header's unit to the campaign's.
    pub(super) conversion: Option<Conversion>,
    /// Only its cells say in which unit they are, so each must.
    pub(super) needs_unit: bool,
}

/// Headers that mean the same in every table, where the campaign has no such name.
const WORDS: [(&str, Meaning); 18] = [
    ("trial", Meaning::Trial),
    ("failed", Meaning::Failed),
    ("state", Meaning::State),
    ("source", Meaning::Source),
    ("note", Meaning::Remark),
    ("notes", Meaning::Remark),
    ("remark", Meaning::Remark),
    ("remarks", Meaning::Remark),
    ("comment", Meaning::Remark),
    ("comments", Meaning::Remark),
    ("bemerkung", Meaning::Remark),
    ("bemerkungen", Meaning::Remark),
    ("kommentar", Meaning::Remark),
    ("anmerkung", Meaning::Remark),
    ("remarque", Meaning::Remark),
    ("started", Meaning::Unused),
    ("ended", Meaning::Unused),
    ("why", Meaning::Unused),
];

/// How the complaint about such a header begins.
const THIS_IS: &str = "this is ";
/// What a header is that nothing is called like.
const UNKNOWN: &str = "no parameter, outcome or context of the campaign";

fn word(header: &str) -> Option<Meaning> {
    let key = key(header);
    let found = WORDS.iter().find(|(word, _)| *word == key).map(|(_, meaning)| meaning.clone());
    if header.is_empty() { Some(Meaning::Unused) } else { found }
}

/// Whether a column of this name means the same in every table, so that it is no parameter.
#[must_use]
pub fn is_reserved(column: &str) -> bool {
    word(column).is_some()
}

/// Parameters that no column and nothing else says, and that every row needs.
pub(super) fn missing<'p>(problem: &'p Problem, columns: &[Column], reading: &Reading) -> Vec<&'p str> {
    let parameters = problem.space.parameters.iter().enumerate();
    parameters
        .filter(|(slot, p)| {
            !matches!(p.domain, Domain::Fixed(_))
                && p.when.is_none()
                && !reading.set.contains_key(&p.name)
                && !columns.iter().any(|c| c.meaning == Meaning::Parameter(*slot))
        })
        .map(|(_, p)| p.name.as_str())
        .collect()
}

/// The columns of a table, and what is wrong with their headers.
pub(super) fn find(
    problem: &Problem,
    table: &Table,
    reading: &Reading,
    tally: &mut Tally,
) -> (Vec<Column>, Vec<CellError>) {
    let mut bad = named_in_vain(problem, table, reading);
    let mut columns: Vec<Column> = Vec::new();
    for (at, head) in table.columns.iter().enumerate() {
        let line = 1;
        let column = match meaning(problem, head, reading) {
            Ok(found) => with_unit(problem, table, at, found, tally),
            Err(message) => Err(message),
        };
        let column = column.unwrap_or_else(|message| {
            if reading.is_older && message.starts_with(THIS_IS) {
                tally.note(format!(
                    "column `{}` is left out: it {}",
                    head.header,
                    message.trim_start_matches("this ")
                ));
                return Column::of(head, Meaning::Unused);
            }
            bad.push(CellError::new(line, &head.header, message));
            Column::of(head, Meaning::Unused)
        });
        let many = matches!(column.meaning, Meaning::Unused | Meaning::Remark);
        if !many && columns.iter().any(|c| c.meaning == column.meaning) {
            bad.push(CellError::new(line, &head.header, "the header has this column twice"));
        }
        if let Some(name) = name_of(problem, &column.meaning)
            && name != head.name
            && name != head.header
        {
            tally.renamed(&head.header, name);
        }
        columns.push(column);
    }
    (columns, bad)
}

/// Names that were said beside the table and that nothing has.
fn named_in_vain(problem: &Problem, table: &Table, reading: &Reading) -> Vec<CellError> {
    let has = |name: &str| table.columns.iter().any(|head| head.is_called(name));
    let all = || table.columns.iter().map(|c| c.header.as_str()).collect::<Vec<_>>().join(", ");
    let headers = reading.ignore.iter().chain(reading.map.iter().map(|(header, _)| header));
    let no_header = headers
        .filter(|name| !has(name))
        .map(|name| CellError::new(1, name, format!("there is no such column; columns are {}", all())));
    let set = reading.set.keys().filter(|name| problem.space.slot(name).is_none()).map(|name| {
        let near = nearest(name, problem.space.parameters.iter().map(|p| p.name.as_str()));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        CellError::new(1, name, format!("there is no such parameter to set{hint}"))
    });
    no_header.chain(set).collect()
}

impl Column {
    fn of(head: &Head, meaning: Meaning) -> Column {
        let header = if head.header.is_empty() { "(no name)".to_owned() } else { head.header.clone() };
        Column { header, meaning, unit: None, conversion: None, needs_unit: false }
    }
}

/// All names that a column may have.
fn names(problem: &Problem) -> impl Iterator<Item = (&str, Meaning)> {
    let parameters = problem.space.parameters.iter().enumerate();
    let outcomes = problem.outcomes.iter().enumerate();
    parameters
        .map(|(slot, p)| (p.name.as_str(), Meaning::Parameter(slot)))
        .chain(outcomes.map(|(i, o)| {
            let meaning = if o.formula.is_none() { Meaning::Outcome(i) } else { Meaning::Unused };
            (o.name.as_str(), meaning)
        }))
        .chain(problem.context.keys().map(|name| (name.as_str(), Meaning::Context(name.clone()))))
}

fn name_of<'p>(problem: &'p Problem, meaning: &'p Meaning) -> Option<&'p str> {
    match meaning {
        Meaning::Parameter(slot) => Some(&problem.space.parameters[*slot].name),
        Meaning::Outcome(i) => Some(&problem.outcomes[*i].name),
        Meaning::Context(name) => Some(name),
        _ => None,
    }
}

/// What a header stands for, and whether its unit belongs to its name.
fn meaning(problem: &Problem, head: &Head, reading: &Reading) -> Result<Column, String> {
    if reading.ignore.iter().any(|name| head.is_called(name)) {
        return Ok(Column::of(head, Meaning::Unused));
    }
    let column =
        |meaning: Meaning, unit: Option<&String>| Column { unit: unit.cloned(), ..Column::of(head, meaning) };
    let mut said = reading.map.iter().filter(|(header, _)| head.is_called(header)).collect::<Vec<_>>();
    // Of headers that differ by case only, each means itself.
    said.sort_by_key(|(header, _)| *header != head.header);
    if let Some((_, name)) = said.first() {
        let found = exactly(problem, name).or_else(|| loosely(problem, name)).or_else(|| word(name));
        let found = found.ok_or_else(|| format!("`{name}`, for which it was said to stand, is {UNKNOWN}"))?;
        return Ok(column(found, head.unit.as_ref()));
    }
    // `Ni(cod)2` is a name as a whole before it is a name with a unit.
    if let Some(found) = exactly(problem, &head.header) {
        return Ok(column(found, head.unit.as_ref().filter(|_| head.name == head.header)));
    }
    exactly(problem, &head.name)
        .map(|found| column(found, head.unit.as_ref()))
        .or_else(|| {
            // Neither is the parameter's name with a remark, nor a shorter one.
            (head.name != head.header)
                .then(|| loosely(problem, &head.header).map(|found| column(found, None)))
                .flatten()
        })
        .or_else(|| loosely(problem, &head.name).map(|found| column(found, head.unit.as_ref())))
        .or_else(|| word(&head.header).or_else(|| word(&head.name)).map(|found| column(found, None)))
        .ok_or_else(|| {
            let way = format!(
                "; leave it out with `--ignore {:?}`, or say what it is with `--map {:?}`",
                head.header,
                format!("{}=NAME", head.header)
            );
            let near = nearest(&head.name, names(problem).map(|(name, _)| name));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or(way);
            let hint = if reading.is_older { String::new() } else { hint };
            format!("{THIS_IS}{UNKNOWN}{hint}")
        })
}

fn exactly(problem: &Problem, name: &str) -> Option<Meaning> {
    names(problem).find(|(known, _)| *known == name).map(|(_, meaning)| meaning)
}

/// The one name that is the same without case, blanks and marks.
fn loosely(problem: &Problem, name: &str) -> Option<Meaning> {
    let mut found = names(problem).filter(|(known, _)| key(known) == key(name));
    let first = found.next()?.1;
    found.next().is_none().then_some(first)
}

/// Compares the header's unit with the campaign's.
fn with_unit(
    problem: &Problem,
    table: &Table,
    at: usize,
    mut column: Column,
    tally: &mut Tally,
) -> Result<Column, String> {
    let wanted = match &column.meaning {
        Meaning::Parameter(slot) if is_text(&problem.space.parameters[*slot].domain) => {
            column.unit = None;
            return Ok(column);
        }
        Meaning::Parameter(slot) => problem.space.parameters[*slot].unit.as_deref(),
        Meaning::Outcome(i) => problem.outcomes[*i].unit.as_deref(),
        Meaning::Context(name) => problem.context.get(name).and_then(Option::as_deref),
        _ => return Ok(column),
    };
    let given = column.unit.take();
    let name = name_of(problem, &column.meaning).unwrap_or_default().to_owned();
    match (given.as_deref(), wanted) {
        (Some(given), Some(wanted)) => match relate(given, wanted) {
            Relation::Same => {}
            Relation::Convertible(conversion) => {
                tally.note(format!("`{name}` was converted from {} to {wanted}", bare(given)));
                column.conversion = Some(conversion);
            }
            Relation::Other => {
                return Err(format!(
                    "its unit is {}, but `{name}` of the campaign is in {wanted}, which is of another kind",
                    bare(given)
                ));
            }
            // A remark in brackets is no unit; two units of which one is not known may be anything.
            Relation::Unknown if Unit::parse(given).is_none() && Unit::parse(wanted).is_some() => {
                tally.note(format!(
                    "`{}` behind `{name}` is no unit that is known here: its numbers are taken to be in {wanted}",
                    bare(given)
                ));
            }
            Relation::Unknown => {
                return Err(format!(
                    "its unit is {}, but `{name}` of the campaign is in {wanted}: bring the column to that unit, and write that behind its name",
                    bare(given)
                ));
            }
        },
        (None, None) => {
            let units = || table.cells(at).filter_map(|cell| table.quantity(cell).ok()?.1);
            column.unit = units().next().map(str::to_owned);
            column.needs_unit = column.unit.is_some();
            return Ok(column);
        }
        _ => {}
    }
    column.unit = wanted.map(str::to_owned).or(given);
    Ok(column)
}

fn bare(unit: &str) -> &str {
    unit.trim_matches(['(', ')', '[', ']'])
}
