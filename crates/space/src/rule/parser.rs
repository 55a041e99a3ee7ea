//! From text to slots: precedence `or < and < not < comparison < + - < * / < unary - < ^`.

use forethought_source::nearest;
use std::collections::BTreeMap;
use std::ops::Range;

use super::lexer::{Placed, Token, tokens};
use super::{Function, Number, Operator, Truth};
use crate::parameter::{Domain, Parameter};

/// What is wrong in a rule, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RuleError {
    /// Bytes of the rule.
    pub span: Range<usize>,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub hint: Option<String>,
}

impl RuleError {
    pub(super) fn new(span: Range<usize>, message: String) -> Self {
        RuleError { span, message, hint: None }
    }
}

/// What a rule may name: parameters (by slot) and derived formulas.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// In slot order.
    pub parameters: &'a [Parameter],
    /// Formulas that were compiled before.
    pub derived: &'a BTreeMap<String, Number>,
    /// How long the rule may be.
    pub longest: RuleLength,
}

/// How long a rule may be: it is evaluated by recursion, and for every point that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleLength {
    /// Of its text, in bytes.
    pub bytes: usize,
    /// Numbers, names and texts, with derived names replaced by their formulas.
    pub terms: usize,
}

impl RuleLength {
    /// Of a rule that is written today.
    pub const WRITTEN: RuleLength = RuleLength { bytes: 10_000, terms: 1000 };
    /// Of a rule that a record has: earlier versions took longer ones. Beyond this a thread's stack may be too small.
    pub const RECORDED: RuleLength = RuleLength { bytes: 1 << 20, terms: 4000 };
}

/// Compiles a statement, such as `"a + b <= 3 and c != 'x'"`.
///
/// # Errors
/// Where the text is no statement, with the bytes it is about.
pub fn compile_rule(text: &str, names: &Names<'_>) -> Result<Truth, RuleError> {
    let mut parser = Parser::new(text, names)?;
    let parsed = parser.or()?;
    parser.end()?;
    parsed.truth()
}

/// Compiles a formula, such as `"2 + 40 / passes"`.
///
/// # Errors
/// Where the text is no formula, with the bytes it is about.
pub fn compile_formula(text: &str, names: &Names<'_>) -> Result<Number, RuleError> {
    let mut parser = Parser::new(text, names)?;
    let parsed = parser.sum()?;
    parser.end()?;
    parsed.number()
}

/// The names that a text speaks of, as far as its words can be read.
pub(crate) fn names_in(text: &str) -> Vec<String> {
    let name = |(token, _): Placed| match token {
        Token::Name(name) => Some(name),
        _ => None,
    };
    tokens(text).unwrap_or_default().into_iter().filter_map(name).collect()
}

struct Parsed {
    span: Range<usize>,
    value: Typed,
}

enum Typed {
    Number(Number),
    Truth(Truth),
    Text(String),
    /// A parameter with choices.
    Choice(usize),
}

impl Parsed {
    fn number(self) -> Result<Number, RuleError> {
        let what = match self.value {
            Typed::Number(n) => return Ok(n),
            Typed::Truth(_) => "a statement",
            Typed::Text(_) => "a text",
            Typed::Choice(_) => "a choice",
        };
        Err(RuleError::new(self.span, format!("this is {what}, but a number is needed here")))
    }

    fn truth(self) -> Result<Truth, RuleError> {
        match self.value {
            Typed::Truth(t) => Ok(t),
            _ => Err(RuleError {
                hint: Some("compare it with something, such as `<= 3` or `== 'A'`".into()),
                ..RuleError::new(self.span, "this is no statement that can hold or fail".into())
            }),
        }
    }
}

const DEPTH_MOST: usize = 100;

const SHORTER: &str = "write it as several rules, or with `sum`, `min`, `max` or a factor";

struct Parser<'a> {
    names: &'a Names<'a>,
    tokens: Vec<Placed>,
    at: usize,
    end: usize,
    depth: usize,
    terms: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &str, names: &'a Names<'a>) -> Result<Self, RuleError> {
        let most = names.longest.bytes;
        if text.len() > most {
            let message = format!("the rule has {} bytes, but at most {most} are read", text.len());
            return Err(RuleError { hint: Some(SHORTER.into()), ..RuleError::new(0..text.len(), message) });
        }
        Ok(Parser { names, tokens: tokens(text)?, at: 0, end: text.len(), depth: 0, terms: 0 })
    }

    /// Counts what was read at `span`.
    fn count(&mut self, terms: usize, span: &Range<usize>) -> Result<(), RuleError> {
        self.terms += terms;
        let most = self.names.longest.terms;
        if self.terms <= most {
            return Ok(());
        }
        let message = format!(
            "the rule has more than {most} numbers and names from here on, derived values replaced by their formulas"
        );
        Err(RuleError { hint: Some(SHORTER.into()), ..RuleError::new(span.clone(), message) })
    }

    fn here(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |(_, span)| span.clone())
    }

    fn symbol(&mut self, among: &[&'static str]) -> Option<&'static str> {
        match self.tokens.get(self.at) {
            Some((Token::Symbol(s), _)) if among.contains(s) => {
                self.at += 1;
                Some(s)
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> bool {
        let is = matches!(self.tokens.get(self.at), Some((Token::Name(n), _)) if n == word);
        self.at += usize::from(is);
        is
    }

    fn end(&self) -> Result<(), RuleError> {
        if self.at == self.tokens.len() {
            return Ok(());
        }
        Err(RuleError::new(self.here(), "the rule could have ended before this".into()))
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), RuleError> {
        match self.symbol(&[symbol]) {
            Some(_) => Ok(()),
            None => Err(RuleError::new(self.here(), format!("a `{symbol}` is missing here"))),
        }
    }

    fn or(&mut self) -> Result<Parsed, RuleError> {
        self.depth += 1;
        if self.depth > DEPTH_MOST {
            return Err(RuleError::new(self.here(), "the rule is nested too deeply".into()));
        }
        let first = self.and()?;
        let joined = self.join(first, "or", Parser::and, Truth::Any);
        self.depth -= 1;
        joined
    }

    fn and(&mut self) -> Result<Parsed, RuleError> {
        let first = self.not()?;
        self.join(first, "and", Parser::not, Truth::All)
    }

    fn join(
        &mut self,
        first: Parsed,
        word: &str,
        next: fn(&mut Self) -> Result<Parsed, RuleError>,
        build: fn(Vec<Truth>) -> Truth,
    ) -> Result<Parsed, RuleError> {
        if !self.word(word) {
            return Ok(first);
        }
        let start = first.span.start;
        let mut items = vec![first.truth()?];
        loop {
            let item = next(self)?;
            let end = item.span.end;
            items.push(item.truth()?);
            if !self.word(word) {
                return Ok(Parsed { span: start..end, value: Typed::Truth(build(items)) });
            }
        }
    }

    fn not(&mut self) -> Result<Parsed, RuleError> {
        let start = self.here().start;
        let mut negated = false;
        while self.word("not") {
            negated = !negated;
        }
        let inner = self.comparison()?;
        if !negated && self.here().start != start {
            return Ok(inner);
        }
        let span = start..inner.span.end;
        if negated { Ok(Parsed { span, value: Typed::Truth(inner.truth()?.negated()) }) } else { Ok(inner) }
    }

    fn comparison(&mut self) -> Result<Parsed, RuleError> {
        let mut left = self.sum()?;
        let mut chain: Vec<Truth> = Vec::new();
        let start = left.span.start;
        while let Some(symbol) = self.symbol(&["<=", ">=", "==", "!=", "<", ">"]) {
            let right = self.sum()?;
            let end = right.span.end;
            let again = clone_side(&right);
            chain.push(self.compare(left, symbol, right)?);
            left = Parsed { span: end..end, value: again };
            if !matches!(self.tokens.get(self.at), Some((Token::Symbol(s), _)) if ["<=", ">=", "<", ">"].contains(s))
            {
                let truth = if chain.len() == 1 { chain.remove(0) } else { Truth::All(chain) };
                return Ok(Parsed { span: start..end, value: Typed::Truth(truth) });
            }
        }
        Ok(left)
    }

    fn compare(&self, left: Parsed, symbol: &str, right: Parsed) -> Result<Truth, RuleError> {
        let span = left.span.start..right.span.end;
        let (slot, text) = match (left.value, right.value) {
            (Typed::Choice(slot), Typed::Text(text)) | (Typed::Text(text), Typed::Choice(slot)) => {
                (slot, text)
            }
            (a, b) => {
                let a = Parsed { span: left.span, value: a }.number()?;
                let b = Parsed { span: right.span, value: b }.number()?;
                return Ok(match symbol {
                    "<=" => Truth::AtMost { left: a, right: b, strict: false },
                    "<" => Truth::AtMost { left: a, right: b, strict: true },
                    ">=" => Truth::AtMost { left: b, right: a, strict: false },
                    ">" => Truth::AtMost { left: b, right: a, strict: true },
                    "==" => Truth::Equal(a, b),
                    _ => Truth::Differ(a, b),
                });
            }
        };
        let parameter = &self.names.parameters[slot];
        let Domain::Choices { names, .. } = &parameter.domain else {
            return Err(RuleError::new(span, "only a parameter with choices compares with a text".into()));
        };
        let Some(choice) = names.iter().position(|n| *n == text) else {
            let hint = match nearest(&text, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("its choices are {}", names.join(", ")),
            };
            return Err(RuleError {
                hint: Some(hint),
                ..RuleError::new(span, format!("`{}` has no choice '{text}'", parameter.name))
            });
        };
        match symbol {
            "==" => Ok(Truth::Choice(slot, choice, true)),
            "!=" => Ok(Truth::Choice(slot, choice, false)),
            _ => Err(RuleError::new(span, "choices have no order: compare with == or !=".into())),
        }
    }

    fn sum(&mut self) -> Result<Parsed, RuleError> {
        self.chain(&["+", "-"], Parser::product)
    }

    fn product(&mut self) -> Result<Parsed, RuleError> {
        self.chain(&["*", "/"], Parser::unary)
    }

    fn chain(
        &mut self,
        symbols: &[&'static str],
        next: fn(&mut Self) -> Result<Parsed, RuleError>,
    ) -> Result<Parsed, RuleError> {
        let mut left = next(self)?;
        while let Some(symbol) = self.symbol(symbols) {
            let right = next(self)?;
            let span = left.span.start..right.span.end;
            let operator = match symbol {
                "+" => Operator::Add,
                "-" => Operator::Subtract,
                "*" => Operator::Multiply,
                _ => Operator::Divide,
            };
            let value = Number::Binary(operator, Box::new(left.number()?), Box::new(right.number()?));
            left = Parsed { span, value: Typed::Number(value) };
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Parsed, RuleError> {
        let start = self.here().start;
        if self.symbol(&["-"]).is_some() {
            self.depth += 1;
            if self.depth > DEPTH_MOST {
                return Err(RuleError::new(self.here(), "the rule is nested too deeply".into()));
            }
            let inner = self.unary()?;
            self.depth -= 1;
            let span = start..inner.span.end;
            return Ok(Parsed { span, value: Typed::Number(Number::Negate(Box::new(inner.number()?))) });
        }
        let base = self.atom()?;
        if self.symbol(&["^"]).is_none() {
            return Ok(base);
        }
        let exponent = self.unary()?;
        let span = start..exponent.span.end;
        let value = Number::Binary(Operator::Power, Box::new(base.number()?), Box::new(exponent.number()?));
        Ok(Parsed { span, value: Typed::Number(value) })
    }

    fn atom(&mut self) -> Result<Parsed, RuleError> {
        let span = self.here();
        let Some((token, _)) = self.tokens.get(self.at).cloned() else {
            return Err(RuleError::new(span, "the rule ends too early: a value is missing".into()));
        };
        self.at += 1;
        if !matches!(token, Token::Symbol(_)) {
            self.count(1, &span)?;
        }
        let value = match token {
            Token::Number(x) if x.is_finite() => Typed::Number(Number::Constant(x)),
            Token::Number(_) => return Err(RuleError::new(span, "this number is not finite".into())),
            Token::Text(text) => Typed::Text(text),
            Token::Symbol("(") => {
                let inner = self.or()?;
                let end = self.here().end;
                self.expect(")")?;
                return Ok(Parsed { span: span.start..end, value: inner.value });
            }
            Token::Symbol(other) => {
                return Err(RuleError::new(span, format!("a value is needed here, not `{other}`")));
            }
            Token::Name(name) => {
                if self.symbol(&["("]).is_some() {
                    self.call(&name, span.clone())?
                } else {
                    self.name(&name, span.clone())?
                }
            }
        };
        Ok(Parsed { span, value })
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Typed, RuleError> {
        let mut args = vec![self.or()?];
        while self.symbol(&[","]).is_some() {
            args.push(self.or()?);
        }
        self.expect(")")?;
        if name == "count" {
            let items = args.into_iter().map(Parsed::truth).collect::<Result<_, _>>()?;
            return Ok(Typed::Number(Number::Count(items)));
        }
        let (function, single) = match name {
            "min" => (Function::Min, false),
            "max" => (Function::Max, false),
            "sum" => (Function::Sum, false),
            "abs" => (Function::Abs, true),
            "exp" => (Function::Exp, true),
            "log" => (Function::Log, true),
            "sqrt" => (Function::Sqrt, true),
            _ => {
                let known = ["min", "max", "abs", "exp", "log", "sqrt", "sum", "count"];
                return Err(RuleError {
                    hint: Some(match nearest(name, known) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("functions are {}", known.join(", ")),
                    }),
                    ..RuleError::new(span, format!("there is no function `{name}`"))
                });
            }
        };
        if single && args.len() != 1 {
            return Err(RuleError::new(span, format!("`{name}` takes one value, not {}", args.len())));
        }
        let args = args.into_iter().map(Parsed::number).collect::<Result<_, _>>()?;
        Ok(Typed::Number(Number::Call(function, args)))
    }

    fn name(&mut self, name: &str, span: Range<usize>) -> Result<Typed, RuleError> {
        if let Some(formula) = self.names.derived.get(name) {
            self.count(formula.terms() - 1, &span)?;
            return Ok(Typed::Number(formula.clone()));
        }
        let (base, descriptor) = match name.split_once('.') {
            Some((base, descriptor)) => (base, Some(descriptor)),
            None => (name, None),
        };
        let Some(slot) = self.names.parameters.iter().position(|p| p.name == base) else {
            let known = self
                .names
                .parameters
                .iter()
                .map(|p| p.name.as_str())
                .chain(self.names.derived.keys().map(String::as_str));
            return Err(RuleError {
                hint: nearest(base, known).map(|near| format!("did you mean `{near}`?")),
                ..RuleError::new(span, format!("there is no parameter or derived value `{base}`"))
            });
        };
        match (&self.names.parameters[slot].domain, descriptor) {
            (Domain::Choices { descriptors: Some(table), .. }, Some(column)) => {
                match table.columns.iter().position(|c| c == column) {
                    Some(c) => {
                        Ok(Typed::Number(Number::Lookup(slot, table.rows.iter().map(|r| r[c]).collect())))
                    }
                    None => Err(RuleError {
                        hint: Some(format!("its descriptors are {}", table.columns.join(", "))),
                        ..RuleError::new(span, format!("`{base}` has no descriptor `{column}`"))
                    }),
                }
            }
            (_, Some(column)) => {
                Err(RuleError::new(span, format!("`{base}` has no descriptors, so no `{column}`")))
            }
            (Domain::Choices { .. }, None) => Ok(Typed::Choice(slot)),
            (_, None) => Ok(Typed::Number(Number::Slot(slot))),
        }
    }
}

fn clone_side(side: &Parsed) -> Typed {
    match &side.value {
        Typed::Number(n) => Typed::Number(n.clone()),
        Typed::Truth(t) => Typed::Truth(t.clone()),
        Typed::Text(t) => Typed::Text(t.clone()),
        Typed::Choice(c) => Typed::Choice(*c),
    }
}
