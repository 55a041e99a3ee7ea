//! `run`: drives machines to the end.

use std::collections::{BTreeMap, BTreeSet};

use forethought_engine::{Changing, Patience, Rest, Update};
use forethought_project::{CampaignHandle, Failure};
use forethought_record::{Campaign, TrialState};
use indicatif::ProgressBar;
use jiff::SignedDuration;
use serde_json::json;

use crate::args::{Arguments, Run};
use crate::exit::{Exit, warn};
use crate::host::{actor, campaign};
use crate::voice::{plain, say, talk};
use crate::{progress, show};

/// Seconds by which the system's clock must move to be spoken of again.
const CLOCK_MOST: i64 = 5;

/// Runs until the campaign comes to rest.
pub(crate) fn run(arguments: &Arguments, v: &Run) -> Result<Exit, Failure> {
    let loaded = campaign(arguments, &v.file)?;
    let owned = loaded.project().own(&actor(arguments))?;
    let ready = owned.open(&loaded, &v.reason, &actor(arguments))?;
    let (campaign, people) = (ready.campaign(), ready.people.clone());
    let bar = progress::bar(arguments, campaign.problem.budget.trials.map(u64::from), "trials");
    if !arguments.quiet {
        let verb = if ready.is_new { "Opened" } else { "Resumed" };
        bar.println(plain(&format!("{verb} campaign {} ({})", campaign.problem.name, campaign.id)));
    }
    let mut seen = Seen::default();
    let patience = if v.wait { Patience::Waits } else { Patience::None };
    let ended = ready.run(&progress::interrupt(), patience, &mut |update| {
        seen.show_clock(&bar, &update);
        if !arguments.quiet {
            seen.show(&bar, &update);
        }
    });
    bar.finish_and_clear();
    let (rest, campaign) = ended?;
    // How the campaign stands is said even where a full disk takes no report.
    let report = match v.no_report {
        true => None,
        false => super::write_report(&loaded, None).unwrap_or_else(|failure| {
            warn(&failure);
            None
        }),
    };
    drop(owned);
    let exit = match &rest {
        Rest::Finished(_) => Exit::Done,
        Rest::Person => Exit::Waits,
        Rest::Machines(_) => Exit::Ours,
        Rest::Stopped(_) | Rest::Held(_) => Exit::Held,
        Rest::Paused(reason) if reason.contains("envelope") => Exit::Held,
        Rest::Paused(_) => Exit::Waits,
    };
    if arguments.json {
        let trials: Vec<_> = campaign.trials.values().map(|t| show::trial(&campaign, t)).collect();
        let (state, reason) = words(&rest);
        let rest = json!({ "rest": state, "reason": reason, "trials": trials, "report": report });
        say(show::document(&campaign, rest));
    } else {
        summary(&campaign, &rest, &people, report.as_deref(), &loaded);
    }
    Ok(exit)
}

fn words(rest: &Rest) -> (&'static str, String) {
    match rest {
        Rest::Finished(r) => ("finished", r.clone()),
        Rest::Paused(r) => ("paused", r.clone()),
        Rest::Stopped(r) => ("stopped", r.clone()),
        Rest::Person => ("waits for a person", String::new()),
        Rest::Held(r) => ("held by the envelope", r.clone()),
        Rest::Machines(r) => ("machines paused", r.clone()),
    }
}

/// Trials were tried, and none was measured.
fn gave_nothing(campaign: &Campaign) -> bool {
    !campaign.trials.is_empty() && campaign.trials.values().all(|t| t.state != TrialState::Measured)
}

fn summary(
    campaign: &Campaign,
    rest: &Rest,
    people: &BTreeMap<String, bool>,
    report: Option<&str>,
    loaded: &CampaignHandle,
) {
    let sentence = match (rest, words(rest)) {
        (Rest::Machines(reason), _) => format!("stands still: {reason}"),
        (Rest::Finished(reason), _) if gave_nothing(campaign) => {
            format!("came to its end without one measurement: {reason}")
        }
        (_, (state, reason)) if reason.is_empty() => state.to_owned(),
        (_, (state, reason)) => format!("{state}: {reason}"),
    };
    say(format!("Campaign {} {sentence}.", campaign.problem.name));
    say(super::look::counts(campaign));
    if let Some(claims) = show::claims(campaign) {
        say(format!("Claims: {claims}"));
    }
    if let Ok(read) = loaded.read()
        && let Ok(question) = read.question(loaded)
        && let Ok(insight) = loaded.insight(&read, &question)
        && let Some(best) = insight.best()
    {
        say(show::best(&campaign.problem, &best));
    }
    if *rest == Rest::Person {
        say(super::people::cards(campaign, people, &loaded.path));
    }
    if let Some(path) = report {
        say(format!("Report: {path}"));
    }
}

/// What was shown, so that only what is new is shown again.
#[derive(Default)]
struct Seen {
    seq: u64,
    ended: usize,
    waited: BTreeSet<u64>,
    /// The deviation of the system's clock, in seconds.
    deviation: i64,
}

impl Seen {
    /// Says once that the system's clock was set, and that nothing hangs on it.
    fn show_clock(&mut self, bar: &ProgressBar, update: &Update<'_>) {
        let seconds = update.clock.map_or(0, |ahead| ahead.as_secs());
        if (seconds - self.deviation).abs() < CLOCK_MOST {
            return;
        }
        self.deviation = seconds;
        let said = match update.clock {
            None => "note: the system's clock is back in step with this run".to_owned(),
            Some(ahead) => format!(
                "note: the system's clock is {:#} {} the time that this run counts: it was set, or the record \
                 was written under another clock; waits and time-outs count on by this run's time",
                SignedDuration::from_secs(ahead.abs().as_secs()),
                if ahead.is_negative() { "behind" } else { "ahead of" },
            ),
        };
        bar.suspend(|| talk(said));
    }

    fn show(&mut self, bar: &ProgressBar, update: &Update<'_>) {
        let campaign = update.campaign;
        if bar.is_hidden() {
            // Without a terminal, a line now and then says that it lives.
            let ended = campaign.trials.values().filter(|t| t.state.is_over()).count();
            if ended >= self.ended + 10 {
                self.ended = ended;
                let best = best_so_far(campaign).map(|b| format!(", {b}")).unwrap_or_default();
                talk(format!("{ended} trials{best}"));
            }
            if campaign.seq != self.seq {
                self.seq = campaign.seq;
                for change in Changing::awaited(campaign, update.now) {
                    if self.waited.insert(change.trial) {
                        talk(show::changing(&campaign.problem, &change));
                    }
                }
            }
            return;
        }
        if campaign.seq == self.seq && update.progress.is_empty() {
            return;
        }
        self.seq = campaign.seq;
        bar.set_position(campaign.counted());
        let running: Vec<String> = campaign
            .trials
            .values()
            .rev()
            .take(64)
            .filter(|t| t.state == TrialState::Open)
            .flat_map(|t| t.all_orders())
            .filter(|o| o.state.is_open())
            .take(3)
            .map(|o| match update.progress.get(&o.key) {
                Some(share) => format!("{} on {} {:.0} %", o.key.trial, o.machine, share * 100.0),
                None => format!("{} on {}", o.key.trial, o.machine),
            })
            .collect();
        let waits = Changing::awaited(campaign, update.now);
        let waits = waits.iter().map(|change| show::changing(&campaign.problem, change));
        let best = best_so_far(campaign).map(|b| format!("{b}  ")).unwrap_or_default();
        let doing = running.into_iter().chain(waits).collect::<Vec<_>>().join(", ");
        bar.set_message(plain(&format!("{best}{doing}")));
    }
}

fn best_so_far(campaign: &Campaign) -> Option<String> {
    let each = show::luckiest(campaign);
    (!each.is_empty()).then(|| format!("best so far {}", each.join(", ")))
}
