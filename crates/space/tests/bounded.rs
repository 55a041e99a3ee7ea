//! Whatever a file asks for is bounded, and a bound that is hit is named.

use forethought_space::{Problem, parse, parse_recorded};

fn file(lines: &str) -> String {
    format!(
        "forethought = 1\nname = \"t\"\n[parameter]\nx = {{ range = [0, 1] }}\nk = {{ choices = [\"a\", \"b\"] }}\n\
         [outcome]\ny = {{ goal = \"maximize\" }}\n{lines}\n"
    )
}

fn rule(rule: &str) -> String {
    file(&format!("[[constraint]]\nrule = \"{rule}\""))
}

fn good(text: &str) -> Problem {
    parse(text, &|_| None, None).unwrap_or_else(|e| panic!("{e:#?}"))
}

#[track_caller]
fn mistake(text: &str, says: &str) {
    let mistakes = parse(text, &|_| None, None).expect_err("this file must be wrong");
    assert!(mistakes.iter().any(|d| d.message.contains(says)), "{says}: {mistakes:#?}");
}

/// `x`, this often, with the same between.
fn chain(between: &str, terms: usize) -> String {
    vec!["x"; terms].join(between)
}

#[test]
fn rules_of_many_terms_are_evaluated_up_to_the_bound_and_refused_beyond() {
    for between in ["+", "-", "*", "/", "^"] {
        good(&rule(&format!("{} <= 1e9", chain(between, 900))));
        mistake(&rule(&format!("{} <= 1e9", chain(between, 1001))), "more than 1000 numbers and names");
        mistake(&rule(&format!("{} <= 1e9", chain(between, 100_000))), "but at most 10000 are read");
    }
    for function in ["min", "max", "sum"] {
        good(&rule(&format!("{function}({}) <= 1e9", chain(",", 900))));
        mistake(&rule(&format!("{function}({}) <= 1e9", chain(",", 1001))), "more than 1000");
    }
}

#[test]
fn statements_of_many_parts_are_bounded() {
    for (word, part) in [(" and ", "x<=1"), (" or ", "x<=1"), (" or ", "k=='a'")] {
        good(&rule(&vec![part; 400].join(word)));
        mistake(&rule(&vec![part; 501].join(word)), "more than 1000 numbers and names");
    }
    mistake(&rule(&format!("0 <= {} <= 1", chain(" <= ", 1001))), "more than 1000");
    mistake(&rule(&format!("count({}) <= 1", vec!["x<=1"; 501].join(","))), "more than 1000");
    for deep in ["(", "-", "not ", "abs("] {
        let text = deep.repeat(9000 / deep.len()) + "x <= 1";
        assert!(parse(&rule(&text), &|_| None, None).is_err() || deep == "not ");
    }
}

/// `d0 = first`, and each of the others says of the one before what `next` says.
fn derived(count: usize, first: &str, next: impl Fn(String) -> String) -> String {
    let mut lines = format!("[derived]\nd0 = \"{first}\"\n");
    for i in 1..count {
        lines += &format!("d{i} = \"{}\"\n", next(format!("d{}", i - 1)));
    }
    file(&lines)
}

#[test]
fn derived_values_that_double_are_refused() {
    good(&derived(9, "x", |before| format!("{before} + {before}")));
    for count in [12, 24, 40, 400] {
        let doubled = derived(count, "x", |before| format!("{before} + {before}"));
        mistake(&doubled, "more than 1000 numbers and names from here on, derived values replaced");
        let mistakes = parse(&doubled, &|_| None, None).unwrap_err().len();
        assert!(mistakes <= count / 10, "{mistakes}: only where it grows too far, not all that follows");
    }
}

#[test]
fn derived_values_in_a_row_are_refused_where_they_grow_without_end() {
    good(&derived(150, "x", |before| format!("{before} + 1")));
    good(&derived(5000, "x", |before| before.clone()));
    mistake(
        &derived(5000, "x", |before| format!("{before} + 1")),
        "more than 20000 numbers and names altogether",
    );
}

#[test]
fn derived_values_are_found_in_any_order_and_a_circle_is_named() {
    let problem = good(&file(
        "[derived]\na = \"b + 1\"\nb = \"c + 1\"\nc = \"x\"\n[[constraint]]\nrule = \"a <= 2.5\"",
    ));
    assert!(problem.space.rules[0].truth.violation(&[0.0, 0.6]) > 0.0);
    let circle = file("[derived]\na = \"b + 1\"\nb = \"a + 1\"\nc = \"b\"");
    for name in ["a", "b", "c"] {
        mistake(&circle, &format!("`{name}` hangs on itself, or on a derived value that does"));
    }
}

#[test]
fn rules_altogether_are_bounded() {
    let one = format!("[[constraint]]\nrule = \"{} <= 900\"\n", chain("+", 900));
    good(&file(&one.repeat(20)));
    mistake(&file(&one.repeat(30)), "more than 20000 numbers and names altogether");
}

#[test]
fn counts_of_what_goes_on_at_a_time_are_bounded() {
    let machine = |lines: &str| file(&format!("[machine.m]\ndriver = \"manual\"\n{lines}"));
    good(&machine("parallel = 1000\n[batch.m]\nsize = 1000\n[budget]\nbatch = 1000\ntrials = 4000000000"));
    for lines in ["parallel = 1001", "[batch.m]\nsize = 4294967295", "[budget]\nbatch = 4000000000"] {
        mistake(&machine(lines), "but at most 1000 are served at a time");
    }
    let text = machine("").replace("goal = \"maximize\"", "goal = \"maximize\", repeats = 4000000000");
    mistake(&text, "`repeats` is 4000000000, but at most 1000");
}

#[test]
fn a_wrong_derived_value_beside_no_parameter_is_two_mistakes() {
    let text = "forethought = 1\nname = \"t\"\n[parameter]\n[derived]\nd = \"q\"\n[outcome]\ny = { goal = \"maximize\" }\n\
                [[constraint]]\nrule = \"d + d <= 1\"\n";
    mistake(text, "there is no parameter or derived value `q`");
    mistake(text, "there is nothing to set");
}

#[test]
fn what_was_recorded_before_there_were_bounds_still_checks() {
    let long = rule(&format!("{} <= 1e9", chain("+", 3900)));
    mistake(&long, "more than 1000 numbers and names");
    let problem = parse_recorded(&long, &|_| None, None).unwrap();
    assert_eq!(problem.space.rules[0].truth.violation(&[0.5, 0.0]), 0.0, "and it is evaluated");
    assert_eq!(problem.clone(), problem);
    let many = file(&format!("[[constraint]]\nrule = \"{} <= 900\"\n", chain("+", 900)).repeat(30));
    mistake(&many, "more than 20000 numbers and names altogether");
    parse_recorded(&many, &|_| None, None).unwrap();
    let wide = file("[machine.m]\ndriver = \"manual\"\nparallel = 4000\n[batch.m]\nsize = 4294967295");
    mistake(&wide, "but at most 1000 are served at a time");
    parse_recorded(&wide, &|_| None, None).unwrap();
    // What no stack holds is refused all the same.
    let longest = rule(&format!("{} <= 1e9", chain("+", 30_000)));
    let mistakes = parse_recorded(&longest, &|_| None, None).unwrap_err();
    assert!(mistakes[0].message.contains("more than 4000 numbers and names"), "{mistakes:#?}");
}
