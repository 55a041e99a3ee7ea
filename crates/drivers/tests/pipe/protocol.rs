//! What a well-behaved program sees and says.

use std::fs;

use forethought_machine::{Environment, Reading};
use serde_json::json;
use tempfile::TempDir;

use super::programs::{built, built_many, runs, shell};

/// A tank: the level is the seed plus all actions; every third reading of the level is lost; done above 20.
const TANK: &str = r#"
import json, sys
def card():
    return {"card": {"name": "tank", "period_s": 0.25,
        "actions": [{"name": "inflow", "unit": "l", "low": 0.0, "high": 5.0, "rate": 2.0, "safe": 0.0}],
        "sensors": [{"name": "level", "unit": "l", "low": 0.0, "high": 50.0}, {"name": "steps"}]}}
def read(tank):
    level, steps = tank
    return [None if steps % 3 == 2 else level, float(steps)], level > 20
tanks = []
for line in sys.stdin:
    message = json.loads(line)
    if "hello" in message:
        assert message["hello"] == 1
        answer = card()
    elif "safe" in message:
        open("safe", "a").write("safe\n")
        answer = {"ok": True}
    else:
        many = isinstance(message.get("reset", message.get("step", [0])[0]), list)
        if "reset" in message:
            seeds = message["reset"] if many else [message["reset"]]
            tanks = [(float(s), 0) for s in seeds]
        else:
            actions = message["step"] if many else [message["step"]]
            tanks = [(level + a[0], steps + 1) for (level, steps), a in zip(tanks, actions)]
        reads = [read(t) for t in tanks]
        answer = {"read": [r for r, _ in reads], "done": [d for _, d in reads]}
        if not many:
            answer = {"read": reads[0][0], "done": reads[0][1]}
    print(json.dumps(answer), flush=True)
"#;

/// A folder with the tank in it; nothing where there is no Python.
fn tank() -> Option<(TempDir, serde_json::Value)> {
    if !runs("python3", "") {
        assert!(std::env::var("FORETHOUGHT_PEERS").as_deref() != Ok("all"), "python3 is missing");
        eprintln!("skipped: there is no python3");
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("tank.py"), TANK).unwrap();
    Some((dir, json!({ "command": ["python3", "tank.py"] })))
}

#[test]
fn a_program_is_reset_stepped_and_made_safe() {
    let Some((dir, options)) = tank() else { return };
    let mut plant = built(dir.path(), &options).unwrap();
    let card = plant.card().clone();
    assert_eq!((card.name.as_str(), card.period_s), ("tank", 0.25));
    assert_eq!(card.bounds().step, [0.5]);
    assert_eq!((card.sensors[1].low, card.sensors[1].high), (-1e9, 1e9), "wide where nobody says");
    assert_eq!(plant.reset(7).unwrap(), Reading { values: vec![Some(7.0), Some(0.0)], done: false });
    assert_eq!(plant.step(&[2.5]).unwrap(), Reading { values: vec![Some(9.5), Some(1.0)], done: false });
    assert_eq!(plant.step(&[5.0]).unwrap(), Reading { values: vec![None, Some(2.0)], done: false });
    assert!(plant.step(&[5.0]).is_ok_and(|r| !r.done) && plant.step(&[5.0]).is_ok_and(|r| r.done));
    plant.make_safe().unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("safe")).unwrap(), "safe\n");
    assert_eq!(plant.reset(u64::from(u32::MAX)).unwrap().values[0], Some(4_294_967_295.0), "it goes on");
}

#[test]
fn many_copies_do_what_one_does() {
    let Some((dir, options)) = tank() else { return };
    let mut many = built_many(dir.path(), &options);
    let seeds = [3, 1, 18];
    let mut ones: Vec<Box<dyn Environment>> =
        seeds.iter().map(|_| built(dir.path(), &options).unwrap()).collect();
    let first: Vec<Reading> = ones.iter_mut().zip(seeds).map(|(one, s)| one.reset(s).unwrap()).collect();
    assert_eq!(many.reset(&seeds).unwrap(), first);
    for t in 0..4 {
        let actions: Vec<Vec<f64>> = (0..3).map(|i| vec![f64::from(t) * 0.5 + f64::from(i)]).collect();
        let expected: Vec<Reading> =
            ones.iter_mut().zip(&actions).map(|(one, a)| one.step(a).unwrap()).collect();
        assert_eq!(many.step(&actions).unwrap(), expected);
    }
    let text = many.step(&[vec![1.0]]).unwrap_err().to_string();
    assert_eq!(text, "1 actions were given for 3 copies");
    assert!(many.reset(&[]).is_err());
}

#[test]
fn an_action_that_does_not_fit_never_leaves_us() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"while read line; do echo "$line" >>asked; echo '{"ok":true,"read":[1,2]}'; done"#;
    let mut plant = built(dir.path(), &shell(script)).unwrap();
    assert_eq!(plant.card().safe(), [1.0], "the nearest to 0");
    plant.reset(1).unwrap();
    for (action, said) in [(&[1.0, 2.0][..], "2 numbers"), (&[f64::NAN][..], "action `heat` is NaN")] {
        let text = plant.step(action).unwrap_err().to_string();
        assert!(text.contains(said), "{text}");
    }
    let asked = fs::read_to_string(dir.path().join("asked")).unwrap();
    assert_eq!(asked, "{\"hello\":1}\n{\"reset\":1}\n");
}
