//! Verbs by which people take part: each is one command to the core.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use forethought_engine::{Answer, Changing, Command, OUTSIDE, Reply, Taken};
use forethought_plan::Left;
use forethought_project::{
    CampaignHandle, Failure, Reading, Rows, bad_cells, end_owner, import_rows, read_table, read_tells,
    run_sheet,
};
use forethought_record::{Campaign, Order, OrderState, Resolution, TrialState};
use forethought_space::{Failure as Kind, Measurement, Problem, Recipe};
use serde_json::json;

use crate::args::{
    Amend, Arguments, Ask, Columns, FailedKind, File, OneTrial, Resolve, Table, Tell, Verdict,
    Whole as WholeArgs,
};
use crate::exit::Exit;
use crate::file::write_file;
use crate::host::{actor, campaign, now};
use crate::voice::{say, talk};
use crate::{measure, show};

/// How long an owner that a stop cannot reach has to end by itself, before it is killed.
const OWNER_PATIENCE: Duration = Duration::from_secs(5);

/// New trials, open, for whoever asks.
pub(crate) fn ask(arguments: &Arguments, v: &Ask) -> Result<Exit, Failure> {
    if v.count == 0 {
        return Err(Failure::yours("argument", "--count must be at least 1"));
    }
    if let Some(path) = v.csv.as_ref().filter(|path| path.exists()) {
        return Err(Failure::yours(
            "file",
            format!("{} is there already, and may be filled in", path.display()),
        )
        .hint("name another file, or move that one away"));
    }
    let loaded = campaign(arguments, &v.file)?;
    loaded.check_signals()?;
    let Reply::Trials(new) = loaded.execute(Command::Ask { count: v.count }, &actor(arguments))? else {
        return Ok(Exit::Done);
    };
    let read = loaded.read()?;
    let campaign = &read.campaign;
    let trials: Vec<_> = new.iter().filter_map(|t| campaign.trials.get(t)).collect();
    if let Some(most) =
        campaign.problem.budget.trials.map(u64::from).filter(|most| campaign.counted() > *most)
    {
        let trials = show::count(most as usize, "trial");
        talk(format!("note: these go beyond the budget of {trials}: {} are counted", campaign.counted()));
    }
    if let Some(path) = &v.csv {
        let rows: Vec<(u64, Recipe)> = trials.iter().map(|t| (t.trial, t.recipe.clone())).collect();
        let sheet = run_sheet(&campaign.problem, &rows, campaign.problem.seed ^ campaign.seq);
        write_file(path, sheet)?;
        talk(format!("{} in random order in {}", show::count(rows.len(), "trial"), path.display()));
    }
    let waits: Vec<_> =
        Changing::asked(campaign, now()).into_iter().filter(|change| new.contains(&change.trial)).collect();
    if arguments.json {
        let all: Vec<_> = trials.iter().map(|t| show::trial(campaign, t)).collect();
        let waits: Vec<_> = waits.iter().map(show::wait).collect();
        say(show::document(campaign, json!({ "trials": all, "waits": waits })));
    } else if v.csv.is_none() {
        for t in &trials {
            say(format!(
                "Trial {}: {}\n{}",
                t.trial,
                t.why.text,
                show::recipe_text(&campaign.problem, &t.recipe)
            ));
        }
    }
    if !arguments.json {
        waits.iter().for_each(|change| talk(show::changing(&campaign.problem, change)));
    }
    let held: Vec<String> = campaign
        .trials
        .values()
        .filter(|t| t.state == TrialState::Held)
        .map(|t| t.trial.to_string())
        .collect();
    if trials.len() < v.count {
        let why = match held.as_slice() {
            [] => none_left(&read.question(&loaded)?).to_owned(),
            held => format!("trial {} must be approved first (`approve --trial N`)", held.join(", ")),
        };
        talk(format!("{} of {} trials: {why}", trials.len(), v.count));
    }
    Ok(if trials.is_empty() && !held.is_empty() { Exit::Waits } else { Exit::Done })
}

/// Why fewer trials than asked for were proposed.
fn none_left(question: &forethought_plan::Question) -> &'static str {
    match forethought_plan::left(question) {
        Ok(Left::Nothing) => "nothing else is left to try",
        Ok(Left::Something) => "no more go together with these; ask again when some are told",
        Ok(Left::Unknown) | Err(_) => "no other was found, though not all could be looked at",
    }
}

/// Records what came out.
pub(crate) fn tell(arguments: &Arguments, v: &Tell) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let mut notes = Vec::new();
    let answers = match (v.trial, &v.recipe, v.values.as_slice()) {
        (None, None, [sheet]) if !sheet.contains('=') => {
            let path = std::path::Path::new(sheet);
            let bytes = read_table(path)?;
            let reading = reading(&v.columns, &[])?;
            let read = read_tells(&loaded.problem, &bytes, &reading).map_err(|e| bad_cells(sheet, &e))?;
            notes = read.notes;
            read.rows
        }
        (None, None, _) => {
            return Err(Failure::yours("argument", "what is this an answer to?").hint(
                "add `--trial 12`, or `--recipe '{…}'` for one that nobody asked for, or name a run sheet",
            ));
        }
        _ => vec![answer(v)?],
    };
    if answers.is_empty() {
        return Err(Failure::yours("table", "no row has an outcome filled in"));
    }
    let count = answers.len();
    let space = &loaded.problem.space;
    // What was really set counts, wherever it lies; a slip of the pen should not pass unseen.
    let beyond = answers.iter().filter_map(|a| a.recipe.as_ref()).find_map(|recipe| {
        let point = space.point(recipe).ok()?;
        Some(format!("; no trial would be proposed there, for {}", space.admits(&point).err()?))
    });
    let set: Vec<u64> = answers.iter().filter(|a| a.as_run.is_some()).filter_map(|a| a.trial).collect();
    let reply = loaded.execute(Command::Tell { answers }, &actor(arguments))?;
    let text = match &reply {
        Reply::Already => "it was told before in the same words: nothing to record".to_owned(),
        _ if count == 1 => format!("recorded{}{}", beyond.unwrap_or_default(), otherwise(&loaded, &set)?),
        _ => format!("{count} answers recorded{}", otherwise(&loaded, &set)?),
    };
    done(arguments, &loaded, &reply, &with_notes(text, &notes))
}

/// What is said of a table on the command line.
pub(crate) fn reading(columns: &Columns, set: &[String]) -> Result<Reading, Failure> {
    let map = columns.map.iter().map(|text| {
        let pair = text.rsplit_once('=').filter(|(column, name)| !column.is_empty() && !name.is_empty());
        pair.map(|(column, name)| (column.trim().to_owned(), name.trim().to_owned())).ok_or_else(|| {
            Failure::yours("argument", format!("`--map {text}` is no COLUMN=NAME")).hint(
                "write the table's column first, then the campaign's name: `--map 'T oven=temperature'`",
            )
        })
    });
    let map = map.collect::<Result<_, _>>()?;
    Ok(Reading { ignore: columns.ignore.clone(), map, set: measure::values(set)?, is_older: false })
}

/// A sentence with what was not taken as it stood, a line each.
fn with_notes(text: String, notes: &[String]) -> String {
    notes.iter().fold(text, |text, note| format!("{text}\nnote: {note}"))
}

/// What was set otherwise than asked in these trials, in words: a slip of the pen in a run sheet should not pass unseen.
fn otherwise(loaded: &CampaignHandle, trials: &[u64]) -> Result<String, Failure> {
    if trials.is_empty() {
        // Most answers say nothing of the recipe: the record is not read again for them.
        return Ok(String::new());
    }
    let campaign = loaded.read()?.campaign;
    let told = campaign.trials.values().filter(|t| trials.contains(&t.trial));
    let changes = told.flat_map(|t| t.set_otherwise().map(move |change| (t.trial, change)));
    Ok(changes
        .map(|(trial, (name, asked, set))| format!("; trial {trial} was run with {name} {set}, not {asked}"))
        .collect())
}

fn answer(v: &Tell) -> Result<Answer, Failure> {
    let kind = |k: FailedKind| match k {
        FailedKind::Recipe => Kind::Recipe,
        FailedKind::Machine => Kind::Machine,
        FailedKind::Stopped => Kind::Stopped,
        FailedKind::TimedOut => Kind::TimedOut,
    };
    let (outcomes, failed) = match v.failed {
        None if v.values.is_empty() => {
            return Err(Failure::yours("argument", "no outcome is told").hint("write it like `strength=812`"));
        }
        None => (measure::outcomes(&v.values)?, None),
        Some(k) => (BTreeMap::new(), Some((kind(k), v.values.join(" ")))),
    };
    let recipe = v
        .recipe
        .as_ref()
        .map(|text| {
            serde_json::from_str::<Recipe>(text)
                .map_err(|e| Failure::yours("recipe", format!("--recipe is no JSON object of values: {e}")))
        })
        .transpose()?;
    let as_run = if v.as_run.is_empty() { None } else { Some(Recipe(measure::values(&v.as_run)?)) };
    Ok(Answer { trial: v.trial, recipe, outcomes, failed, as_run, context: measure::values(&v.context)? })
}

/// Takes in a table of measurements made elsewhere.
pub(crate) fn import(arguments: &Arguments, v: &Table) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let bytes = read_table(&v.table)?;
    let name = v.table.display().to_string();
    let reading = reading(&v.columns, &v.set)?;
    let Rows { rows, notes } =
        import_rows(&loaded.problem, &name, &bytes, &reading).map_err(|e| bad_cells(&name, &e))?;
    let space = &loaded.problem.space;
    let is_outside = |answer: &Answer| {
        let point = answer.recipe.as_ref().and_then(|recipe| space.point(recipe).ok());
        point.is_some_and(|point| space.admits(&point).is_err())
    };
    let outside: Vec<String> =
        rows.iter().filter(|(_, answer)| is_outside(answer)).map(|(source, _)| source.clone()).collect();
    let reply = loaded.execute(
        Command::Import { rows, repeats: v.repeats, corrections: v.corrections },
        &actor(arguments),
    )?;
    let Reply::Imported(taken) = &reply else { return done(arguments, &loaded, &reply, "") };
    let mut text = imported(&name, taken);
    if let [first, ..] = outside.as_slice() {
        let rows = show::count(outside.len(), "row");
        text += &format!(
            "; {rows} ({first} first) lie where no trial would be proposed, and are learnt from all the same"
        );
    }
    done(arguments, &loaded, &reply, &with_notes(text, &notes))
}

/// What an import did, in sentences.
fn imported(name: &str, taken: &Taken) -> String {
    let new = match taken.new {
        0 if taken.corrected > 0 => String::new(),
        0 if taken.known > 0 => format!("nothing is new in {name}"),
        1 => format!("1 measurement taken in from {name}"),
        n => format!("{n} measurements taken in from {name}"),
    };
    let new = match (taken.corrected, new.as_str()) {
        (0, _) => new,
        (n, "") => format!(
            "{} corrected from {name}; the earlier values stay in the record",
            show::count(n as usize, "measurement")
        ),
        (n, _) => format!(
            "{new}, {} corrected; the earlier values stay in the record",
            show::count(n as usize, "measurement")
        ),
    };
    match &taken.such_as {
        None => new,
        Some(_) if taken.corrected > 0 => {
            format!("{new}; {} of its rows are in the record already", taken.known)
        }
        Some((here, there)) => format!(
            "{new}; {} of its rows are in the record already ({here} is {there} there) and were not taken twice\n\
             hint: were they measured again, say so with `--repeats`",
            taken.known
        ),
    }
}

/// Corrects a measurement.
pub(crate) fn amend(arguments: &Arguments, v: &Amend) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let outcomes: BTreeMap<String, Measurement> =
        measure::outcomes(&v.values)?.into_iter().filter_map(|(k, m)| Some((k, m?))).collect();
    let command = Command::Amend { trial: v.trial, outcomes, reason: v.reason.clone() };
    let reply = loaded.execute(command, &actor(arguments))?;
    done(arguments, &loaded, &reply, "amended; the earlier value stays in the record")
}

/// A command about one trial.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Simple {
    Retract,
    Withdraw,
    Approve,
    Reject,
}

pub(crate) fn simple(arguments: &Arguments, v: &OneTrial, what: Simple) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let (trial, reason) = (v.which.trial(), v.reason.clone());
    let (command, text) = match what {
        Simple::Retract => (Command::Retract { trial, reason }, "retracted; it stays in the record"),
        Simple::Withdraw => (Command::Withdraw { trial, reason }, "withdrawn"),
        Simple::Approve => (Command::Approve { trial }, "approved"),
        Simple::Reject => (Command::Reject { trial, reason }, "rejected"),
    };
    let reply = loaded.execute(command, &actor(arguments))?;
    let text = if reply == Reply::Already { "it was said before: nothing to record" } else { text };
    let more = if matches!(what, Simple::Approve) { still_held(&loaded, trial)? } else { String::new() };
    done(arguments, &loaded, &reply, &format!("{text}{more}"))
}

/// How many more people must approve a trial, in words, where it waits for them.
fn still_held(loaded: &CampaignHandle, trial: u64) -> Result<String, Failure> {
    let campaign = loaded.read()?.campaign;
    let held = campaign.trials.get(&trial).filter(|t| t.state == TrialState::Held);
    let counts = held.and_then(|t| Some((t.approvals.len(), t.held.as_ref()?.people)));
    Ok(counts.map_or_else(String::new, |(have, people)| {
        format!(": {have} of {people} people, so it waits for another")
    }))
}

/// A command about the whole campaign.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whole {
    Pause,
    Resume,
    Stop,
    Release,
}

pub(crate) fn whole(arguments: &Arguments, v: &WholeArgs, what: Whole) -> Result<Exit, Failure> {
    if matches!(what, Whole::Stop)
        && let Some(exit) = super::world::stop(arguments, v)?
    {
        return Ok(exit);
    }
    let loaded = campaign(arguments, &v.file)?;
    let reason = if v.reason.is_empty() { format!("by {}", actor(arguments)) } else { v.reason.clone() };
    let (command, text) = match what {
        Whole::Pause => (Command::Pause { reason }, "paused: nothing new is started"),
        Whole::Resume => (Command::Resume, "goes on"),
        Whole::Stop => (Command::Stop { reason }, "stopped: all machines were halted; `release` lifts it"),
        Whole::Release => (Command::Release, "released"),
    };
    let reply = match what {
        Whole::Stop => stop(arguments, &loaded, command)?,
        _ => loaded.execute(command, &actor(arguments))?,
    };
    let stopped = matches!(what, Whole::Resume) && loaded.read()?.campaign.status.stopped.is_some();
    let text = if stopped { "still stopped: `release` lifts that" } else { text };
    done(arguments, &loaded, &reply, text)
}

/// Records the stop and halts all machines, whether or not the owner of the project can be reached.
fn stop(arguments: &Arguments, loaded: &CampaignHandle, command: Command) -> Result<Reply, Failure> {
    let mut done = loaded.execute(command.clone(), &actor(arguments));
    if done.as_ref().is_err_and(|failure| failure.is("owned")) {
        // One that goes on would start other orders.
        halt_without_owner(loaded);
        end_owner(loaded.project().folder(), OWNER_PATIENCE);
        done = loaded.execute(command, &actor(arguments));
    }
    halt_without_owner(loaded);
    done
}

/// Programs outlive their engine: a stop halts those too whose owner is gone.
fn halt_without_owner(loaded: &CampaignHandle) {
    let Ok(machines) = loaded.machines(&loaded.problem) else { return };
    for machine in machines {
        if let Err(e) = machine.halter().halt(None) {
            talk(format!("machine `{}` could not be halted: {e}", machine.card().name));
        }
    }
}

/// Says what became of an uncertain order.
pub(crate) fn resolve(arguments: &Arguments, v: &Resolve) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let verdict = match v.verdict {
        Verdict::Ran => Resolution::Ran,
        Verdict::DidNotRun => Resolution::DidNotRun,
        Verdict::Discarded => Resolution::Discarded,
    };
    let reply = loaded.execute(Command::Resolve { trial: v.which.trial(), verdict }, &actor(arguments))?;
    done(arguments, &loaded, &reply, "recorded")
}

fn done(arguments: &Arguments, loaded: &CampaignHandle, reply: &Reply, text: &str) -> Result<Exit, Failure> {
    if arguments.json {
        let read = loaded.read()?;
        let trials: Vec<_> = match reply {
            Reply::Trials(trials) => trials
                .iter()
                .filter_map(|t| read.campaign.trials.get(t))
                .map(|t| show::trial(&read.campaign, t))
                .collect(),
            _ => vec![],
        };
        let recorded = !matches!(reply, Reply::Already | Reply::Imported(Taken { new: 0, corrected: 0, .. }));
        let rest = json!({ "recorded": recorded, "trials": trials, "note": text });
        say(show::document(&read.campaign, rest));
    } else if !arguments.quiet {
        talk(text);
    }
    Ok(Exit::Done)
}

/// What waits for people.
pub(crate) fn next(arguments: &Arguments, v: &File) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, v)?;
    let read = loaded.read()?;
    let people = person_machines(&read.campaign);
    if arguments.json {
        let waits: Vec<_> = read
            .campaign
            .trials
            .values()
            .filter(|t| waits(t, &people))
            .map(|t| show::trial(&read.campaign, t))
            .collect();
        say(show::document(&read.campaign, json!({ "trials": waits })));
    } else {
        say(cards(&read.campaign, &people, &loaded.path));
    }
    Ok(Exit::Done)
}

fn person_machines(campaign: &Campaign) -> BTreeMap<String, bool> {
    campaign.problem.machines.iter().map(|(n, m)| (n.clone(), m.is_person())).collect()
}

fn waits(t: &forethought_record::Trial, people: &BTreeMap<String, bool>) -> bool {
    let waits = |o: &forethought_record::Order| {
        matches!(o.state, OrderState::Uncertain(_)) || is_for_people(o, people)
    };
    !t.state.is_over() && (t.state == TrialState::Held || t.all_orders().any(waits))
}

/// An order that a person answers: it went to one, or one says that it ran.
fn is_for_people(order: &Order, people: &BTreeMap<String, bool>) -> bool {
    let is_person = people.get(&order.machine).copied().unwrap_or(true);
    order.state == OrderState::Ran || (order.state.is_open() && is_person)
}

/// Where an order is, in the file's words: nothing where it has no machine, and is the only stage.
fn place(problem: &Problem, order: &Order) -> String {
    let at = if order.machine == OUTSIDE { String::new() } else { format!(" at {}", order.machine) };
    let stage = &order.key.stage;
    if problem.stages.len() > 1 { format!("{at} ({stage})") } else { at }
}

/// The cards of all that waits for people; commands on them name the campaign's `file`.
pub(crate) fn cards(campaign: &Campaign, people: &BTreeMap<String, bool>, file: &Path) -> String {
    let (problem, file) = (&campaign.problem, file.display());
    let mut out = Vec::new();
    for t in campaign.trials.values().filter(|t| waits(t, people)) {
        if let (TrialState::Held, Some(hold)) = (&t.state, &t.held) {
            let (trial, recipe) = (t.trial, show::recipe_text(problem, &t.recipe));
            out.push(match &hold.reason {
                Some(reason) => format!(
                    "Trial {trial} may not be sent as the file stands now: {reason}. Change the file, or \
                     `forethought withdraw {file} {trial}`\n{recipe}"
                ),
                None => format!(
                    "Trial {trial} waits for approval ({} of {}): `forethought approve {file} {trial} --as NAME`\n{recipe}",
                    t.approvals.len(),
                    hold.people,
                ),
            });
        }
        for o in t.all_orders() {
            if let OrderState::Uncertain(why) = &o.state {
                out.push(format!(
                    "Trial {}: nobody knows what became of its order to `{}` ({why}): `forethought resolve {file} {} ran|did-not-run|discarded`",
                    t.trial, o.machine, t.trial
                ));
            } else if is_for_people(o, people) {
                let asked: Vec<String> = problem
                    .stage(&o.key.stage)
                    .map(|s| {
                        s.outcomes
                            .iter()
                            .filter(|n| !t.outcomes.contains_key(*n))
                            .flat_map(|n| {
                                let readings = problem.outcome(n).map_or(1, |o| o.repeats as usize);
                                std::iter::repeat_n(format!("{n}=…"), readings)
                            })
                            .collect()
                    })
                    .unwrap_or_default();
                out.push(format!(
                    "Trial {}{}:\n{}\n  then: forethought tell {file} --trial {} {}",
                    t.trial,
                    place(problem, o),
                    show::recipe_text(problem, &o.recipe),
                    t.trial,
                    asked.join(" ")
                ));
            }
        }
    }
    if out.is_empty() { "Nothing waits for people.".into() } else { out.join("\n\n") }
}
