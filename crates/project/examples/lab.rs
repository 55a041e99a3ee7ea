//! A lab in forty lines: a campaign is asked, told, drawn and run to its end, while any other process reads along, such as
//! `cargo run -p forethought-project --example lab -- FOLDER watch` in another terminal, and every verb of the program.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::{fs, path::Path, sync::Arc, time::Duration};

use forethought_engine::{Answer, Command, Patience, Reply};
use forethought_project::{Host, Project, Registry};
use forethought_record::Actor;
use forethought_report::{Chart, Charts};
use forethought_space::Measurement;

const FILE: &str = "forethought = 1\nname = \"lab\"\n[parameter]\nx1 = { range = [0, 1] }\nx2 = { range = [0, 1] }\n\
    [outcome]\ny = { goal = \"minimize\" }\n[machine.m]\ndriver = \"simulator\"\nmodel = \"sphere\"\n[budget]\ntrials = 20\n";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "lab".into());
    let registry = Registry { drivers: forethought_sim::drivers(), environments: vec![], packs: vec![] };
    #[expect(clippy::disallowed_methods, reason = "the shell is where time comes in")]
    let clock = jiff::Timestamp::now;
    let host = Host { program: "lab".into(), registry, clock, notice: |notice| eprintln!("{notice:?}") };
    let project = Project::open(&folder, Arc::new(host))?;
    let file = Path::new(&folder).join("lab.toml");
    fs::write(&file, FILE)?;
    let (lab, ada) = (project.campaign(&file)?, Actor("ada".into()));

    if std::env::args().nth(2).is_some_and(|what| what == "watch") {
        let mut seen = lab.read()?;
        while seen.campaign.status.finished.is_none() && seen.wait(Duration::from_secs(60))? {
            println!("{} events more, {} trials", seen.catch_up()?, seen.campaign.trials.len());
        }
        return Ok(());
    }
    if let Reply::Trials(asked) = lab.execute_once("first", Command::Ask { count: 1 }, &ada)? {
        let outcomes = [("y".to_owned(), Some(Measurement::Number(0.4)))].into();
        let answer = Answer { trial: asked.first().copied(), outcomes, ..Answer::default() };
        lab.execute(Command::Tell { answers: vec![answer] }, &ada)?;
    }
    let owned = project.own(&ada)?;
    let (rest, _) = owned.open(&lab, "", &ada)?.run(&Arc::default(), Patience::None, &mut |_| {})?;
    let read = lab.read()?;
    let insight = lab.insight(&read, &read.question(&lab)?);
    let figure = Charts::new(&read.campaign, &insight, &[]).draw(&Chart::Progress("y".into()))?;
    println!("{rest:?} after {} trials. {}", read.campaign.trials.len(), figure.caption());
    Ok(())
}
