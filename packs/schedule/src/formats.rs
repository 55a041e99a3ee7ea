//! The classical text formats of published instances: job shops as in JSPLIB, flexible job shops as Brandimarte wrote them.

use std::ops::Range;

use forethought_source::Diagnostic;

use crate::shop::{Choice, Job, Machine, Operation, Shop};

/// Most jobs, machines, and operations of a job, that are read.
const COUNT_MOST: i64 = 100_000;
/// Longest duration that is read: sums of all of a shop's stay far from overflow.
pub(crate) const DURATION_MOST: i64 = 1_000_000_000;

/// A classical job shop: `#` starts a comment; `jobs machines`; then a line a job of pairs `machine duration`, machines from 0,
/// each visited once.
///
/// # Errors
/// Every mistake of the file with its place.
pub fn job_shop(text: &str) -> Result<Shop, Vec<Diagnostic>> {
    read(text, |line, machines| {
        let mut operations = Vec::new();
        for _ in 0..machines {
            let machine = line.number("a machine", 0..machines as i64)?;
            let duration = line.number("a duration", 0..DURATION_MOST)?;
            operations.push(vec![(machine, duration)]);
        }
        let mut visited: Vec<i64> = operations.iter().map(|choices| choices[0].0).collect();
        visited.sort_unstable();
        visited.dedup();
        if visited.len() < machines {
            let message = "the job visits a machine twice: a job shop visits each of its machines once";
            return Err(Diagnostic::new("format", message, Some(line.span.clone())));
        }
        Ok(operations)
    })
}

/// A flexible job shop: `jobs machines [mean number of choices]`; then a line a job: the number of its operations, then for
/// each the number of choices `k` and `k` pairs `machine duration`. Machines count from 0, or from 1 where no 0 stands in the
/// file.
///
/// # Errors
/// Every mistake of the file with its place.
pub fn flexible(text: &str) -> Result<Shop, Vec<Diagnostic>> {
    read(text, |line, machines| {
        let count = line.number("the number of operations", 1..COUNT_MOST)?;
        let mut operations = Vec::new();
        for _ in 0..count {
            let choices = line.number("the number of machines to choose from", 1..machines as i64 + 1)?;
            let mut operation = Vec::new();
            for _ in 0..choices {
                let machine = line.number("a machine", 0..machines as i64 + 1)?;
                if operation.iter().any(|(m, _)| *m == machine) {
                    let message =
                        format!("machine {machine} stands twice among the choices of one operation");
                    return Err(Diagnostic::new("format", message, Some(line.last.clone())));
                }
                operation.push((machine, line.number("a duration", 0..DURATION_MOST)?));
            }
            operations.push(operation);
        }
        Ok(operations)
    })
}

/// Whether a text can be read as a job shop or, else, as a flexible one.
pub(crate) fn either(text: &str) -> Result<Shop, Vec<Diagnostic>> {
    job_shop(text).or_else(|_| flexible(text))
}

type Routing = Vec<Vec<(i64, i64)>>;

fn read(
    text: &str,
    job: impl Fn(&mut Line<'_>, usize) -> Result<Routing, Diagnostic>,
) -> Result<Shop, Vec<Diagnostic>> {
    let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len();
        Some(Line::new(line, start))
    });
    let mut lines = lines.by_ref().filter(|line| !line.rest.is_empty() && !line.rest.starts_with('#'));
    let Some(mut head) = lines.next() else {
        return Err(vec![Diagnostic::new(
            "format",
            "the file is empty: `jobs machines` is expected first",
            None,
        )]);
    };
    let counts = head.number("the number of jobs", 1..COUNT_MOST);
    let counts =
        counts.and_then(|jobs| Ok((jobs, head.number("the number of machines", 1..COUNT_MOST)? as usize)));
    let (jobs, machines) = counts.map_err(|mistake| vec![mistake])?;
    let (mut routings, mut mistakes, mut last) = (Vec::new(), Vec::new(), head.span);
    for mut line in lines {
        last = line.span.clone();
        match job(&mut line, machines).and_then(|routing| line.end().map(|()| routing)) {
            Ok(routing) => routings.push(routing),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    let found = routings.len() + mistakes.len();
    if found as i64 != jobs {
        let message = format!("the first line says {jobs} jobs, {found} follow");
        mistakes.push(Diagnostic::new("format", message, Some(last.clone())));
    }
    let named = || routings.iter().flatten().flatten().map(|(machine, _)| *machine);
    let from =
        i64::from(named().all(|machine| machine > 0) && named().any(|machine| machine == machines as i64));
    if from == 0 && named().any(|machine| machine == machines as i64) {
        let message = format!(
            "machine {machines} and machine 0 both stand in the file, which says {machines} machines"
        );
        mistakes.push(Diagnostic::new("format", message, Some(last)));
    }
    if mistakes.is_empty() { Ok(shop(machines, routings, from)) } else { Err(mistakes) }
}

fn shop(machines: usize, routings: Vec<Routing>, from: i64) -> Shop {
    let choice = |(machine, duration): (i64, i64)| Choice { machine: (machine - from) as usize, duration };
    let operation = |choices: Vec<(i64, i64)>| Operation {
        choices: choices.into_iter().map(choice).collect(),
        ..Operation::default()
    };
    let job = |(j, routing): (usize, Routing)| Job {
        name: format!("J{}", j + 1),
        weight: 1,
        operations: routing.into_iter().map(operation).collect(),
        ..Job::default()
    };
    Shop {
        machines: (0..machines).map(|m| Machine { name: format!("M{m}"), ..Machine::default() }).collect(),
        jobs: routings.into_iter().enumerate().map(job).collect(),
        families: Vec::new(),
    }
}

/// A line that is read number by number.
struct Line<'a> {
    rest: &'a str,
    at: usize,
    span: Range<usize>,
    last: Range<usize>,
}

impl<'a> Line<'a> {
    fn new(line: &'a str, start: usize) -> Self {
        let rest = line.trim_start();
        let at = start + line.len() - rest.len();
        let rest = rest.trim_end();
        Line { rest, at, span: at..at + rest.len(), last: at..at }
    }

    fn number(&mut self, what: &str, range: Range<i64>) -> Result<i64, Diagnostic> {
        let word = self.rest.split_whitespace().next().unwrap_or("");
        self.last = self.at..self.at + word.len();
        if word.is_empty() {
            let message = format!("the line ends where {what} is expected");
            return Err(Diagnostic::new("format", message, Some(self.span.clone())));
        }
        let number = word.parse::<i64>().ok().filter(|number| range.contains(number)).ok_or_else(|| {
            let expected = format!("a whole number from {} to {}", range.start, range.end - 1);
            Diagnostic::new(
                "format",
                format!("`{word}` is not {what}: {expected} is expected"),
                Some(self.last.clone()),
            )
        })?;
        let after = &self.rest[word.len()..];
        let rest = after.trim_start();
        self.at += word.len() + after.len() - rest.len();
        self.rest = rest;
        Ok(number)
    }

    fn end(&self) -> Result<(), Diagnostic> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let message = format!("`{}` stands after the last operation of the job", self.rest);
        Err(Diagnostic::new("format", message, Some(self.at..self.span.end)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_shop_is_read() {
        let shop = job_shop("# ft\n2 2\n 0 3 1 4\n1 5  0 6\n").unwrap();
        let choice = |j: usize, k: usize| shop.jobs[j].operations[k].choices[0];
        assert_eq!(
            (choice(0, 1), choice(1, 0)),
            (Choice { machine: 1, duration: 4 }, Choice { machine: 1, duration: 5 })
        );
        assert_eq!((shop.machines.len(), shop.operations()), (2, 4));
    }

    #[test]
    fn machines_of_a_flexible_shop_count_from_0_or_1() {
        let ones = flexible("1 2 1.5\n2 1 1 5 2 1 3 2 4\n").unwrap();
        let zeros = flexible("1 2\n2 1 0 5 2 0 3 1 4\n").unwrap();
        assert_eq!(ones, zeros);
        assert!(flexible("1 2\n2 1 0 5 2 0 3 2 4\n").is_err());
    }

    #[test]
    fn all_mistakes_are_named_with_their_places() {
        let text = "3 2\n0 3 1 x\n0 1 1 2 7\n";
        let mistakes = job_shop(text).unwrap_err();
        let at = |i: usize| &text[mistakes[i].span.clone().unwrap()];
        assert_eq!((mistakes.len(), at(0), at(1)), (3, "x", "7"));
        assert_eq!(mistakes[2].message, "the first line says 3 jobs, 2 follow");
        assert!(
            job_shop("").is_err() && job_shop("2 2\n0 1 0 1\n").unwrap_err()[0].message.contains("twice")
        );
    }
}
