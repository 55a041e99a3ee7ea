//! What a person should know before believing what is said of a plant: for the terminal and the report alike.

use forethought_calibrate::Share;
use forethought_drive::LEARNT_FROM;
use forethought_record::{AlarmKind, Drive, Purpose};
use forethought_world::{LEVEL, MEMBERS, PERIODS_LEAST};

use crate::show::count;

/// How episodes come to last longer.
pub(super) const LONGER: &str = "have more episodes in [explore], narrow `range` or `rate` of an [action] so that exploring is \
                                 gentler, or let the plant's program end its episodes later";

/// Each in a sentence.
pub(super) fn doubts(drive: &Drive) -> Vec<String> {
    let short = too_short(drive).map(|short| format!("{short}. To mend it, {LONGER}."));
    let left = left(drive).into_iter().chain(short);
    left.chain(too_few(drive)).chain(too_narrow(drive)).chain(unjudged(drive)).collect()
}

/// A plant that could not be brought to its safe action.
fn left(drive: &Drive) -> Option<String> {
    let left = drive.left.as_ref()?;
    Some(format!(
        "The plant may still do what was set last: it could not be brought to its safe action ({}). Bring it to rest by hand; `stop` \
         tries again, and `world drive` sets nothing before it is safe.",
        left.message
    ))
}

/// Exploring episodes that were over before anything could be learnt from them, and what is left where that is too little.
pub(super) fn too_short(drive: &Drive) -> Option<String> {
    let all: Vec<u64> = drive.whole(Purpose::Explore).map(|(_, e)| e.periods).collect();
    let short: Vec<u64> = all.iter().copied().filter(|periods| *periods < LEARNT_FROM).collect();
    let of = count(all.len(), "exploring episode");
    let short = short.iter().max().map(|longest| {
        let short = short.len();
        format!(
            "{short} of {of} had fewer than the {LEARNT_FROM} periods that a model needs of each: at most {longest}"
        )
    });
    let ended = drive.episodes.values().filter(|e| e.end.is_some());
    let left: u64 = ended.map(|e| e.periods).filter(|periods| *periods >= LEARNT_FROM).sum();
    let is_too_little = drive.models.is_empty() && (1..PERIODS_LEAST as u64).contains(&left);
    let little = is_too_little.then(|| {
        format!("{left} periods are left to learn from, of the {PERIODS_LEAST} that a model needs in all")
    });
    let said: Vec<String> = short.into_iter().chain(little).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Episodes from which it was measured how sure the last model may be, while nothing that it claimed is settled.
fn too_few(drive: &Drive) -> Option<String> {
    let episodes = drive.models.last().filter(|_| drive.kept().is_empty())?.episodes.len();
    (episodes < MEMBERS).then(|| {
        format!(
            "How sure the model may be was measured on {}: fewer than {MEMBERS} are cut into parts, which resemble each \
             other, so intervals may be too narrow. Have more episodes in [explore].",
            count(episodes, "episode")
        )
    })
}

/// What was claimed and settled, of each sensor: many that are kept must not hide one that is not.
fn too_narrow(drive: &Drive) -> Option<String> {
    let kept = drive.kept();
    let is_short = |sensor: usize| {
        kept.iter()
            .any(|kept| kept.sensors.get(sensor).is_some_and(|&(k, n)| Share { k, n }.falls_short(LEVEL)))
    };
    let sensors = kept.iter().map(|kept| kept.sensors.len()).max().unwrap_or(0);
    let name = |sensor: usize| {
        let channel = drive.card.as_ref().and_then(|card| card.sensors.get(sensor));
        channel.map_or_else(|| format!("sensor {}", sensor + 1), |channel| channel.name.clone())
    };
    let short: Vec<String> = (0..sensors).filter(|s| is_short(*s)).map(name).collect();
    (!short.is_empty()).then(|| {
        format!(
            "Intervals of {} are too narrow so far: what was explored shows too little of how wrong the model can be. Lengthen \
             [explore] time, or have more episodes.",
            short.join(", ")
        )
    })
}

/// Alarms of which nobody has said what they were.
fn unjudged(drive: &Drive) -> Option<String> {
    let open: Vec<String> = drive
        .alarms
        .iter()
        .filter(|(_, a)| a.no_fault.is_none() && a.kind != AlarmKind::Impossible)
        .map(|(number, _)| number.to_string())
        .collect();
    (!open.is_empty()).then(|| {
        format!(
            "Nobody has said what {} {} was: nothing is learnt from its episode, and where a sensor creeps from those after it. `world surprise FILE --alarm N` with --no-fault or \
             --fault says it.",
            if open.len() == 1 { "alarm" } else { "each of the alarms" },
            open.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use forethought_record::{CampaignId, EpisodeEnd, EpisodeState, Kept, ModelState};

    /// Exploring episodes of so many periods, a model of those that are long enough, what was kept of 100 claims.
    fn drive(periods: &[u64], kept: Option<u64>) -> Drive {
        let episode = |(i, periods): (usize, &u64)| {
            let state = EpisodeState {
                stored: i as u64,
                begun: jiff::Timestamp::UNIX_EPOCH,
                purpose: Purpose::Explore,
                model: None,
                end: Some(EpisodeEnd::Whole),
                periods: *periods,
                cost: None,
                beyond: 0,
                unread: Vec::new(),
                widths: Vec::new(),
                impossible: Vec::new(),
                resting: None,
                maintained: Vec::new(),
                kept: kept.map(|k| Kept { ahead: 1, sensors: vec![(k, 100)] }).into_iter().collect(),
            };
            (i as u64, state)
        };
        let episodes = periods.iter().enumerate().map(episode);
        let long = periods.iter().filter(|p| **p >= LEARNT_FROM).count() as u64;
        Drive {
            card: None,
            id: CampaignId(Default::default()),
            name: "tank".into(),
            text: String::new(),
            seq: 1,
            episodes: episodes.collect(),
            models: vec![ModelState {
                hash: String::new(),
                episodes: (0..long).collect(),
                recalled: None,
                scores: vec![],
            }],
            alarms: Default::default(),
            finished: None,
            left: None,
            is_maintained: false,
        }
    }

    #[test]
    fn what_there_is_to_doubt_is_said_and_nothing_else() {
        let said = |periods: &[u64], kept| {
            let all = doubts(&drive(periods, kept));
            all.iter().map(|d| d.split([':', '.']).next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let short = "1 of 5 exploring episodes had fewer than the 20 periods that a model needs of each";
        let few = "How sure the model may be was measured on 3 episodes";
        assert_eq!(said(&[30; 4], None), [""; 0]);
        assert_eq!(said(&[30; 3], None), [few]);
        assert_eq!(
            said(&[30; 3], Some(95)),
            [""; 0],
            "claims that were kept say more than how few episodes there were"
        );
        assert_eq!(
            said(&[30, 30, 30, 30, 19], Some(50)),
            [short, "Intervals of sensor 1 are too narrow so far"]
        );
        let without_model = |periods: &[u64]| too_short(&Drive { models: vec![], ..drive(periods, None) });
        assert_eq!(
            without_model(&[12, 22]).unwrap(),
            "1 of 2 exploring episodes had fewer than the 20 periods that a model needs of each: at most 12; 22 periods are left \
             to learn from, of the 30 that a model needs in all"
        );
        assert_eq!(without_model(&[22, 22]), None);
    }
}
