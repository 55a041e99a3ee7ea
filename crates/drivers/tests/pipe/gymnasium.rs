//! Real Gymnasium environments through the bridge: what they read here is what they read in Python.

use std::path::Path;
use std::process::Command;

use forethought_drivers::GYMNASIUM_BRIDGE;
use forethought_machine::{Environment, Reading};
use serde_json::{Value, json};

use super::programs::{built, built_many, runs};

/// A Python that has Gymnasium: that of `cargo xtask peers`, or the system's.
fn python() -> Option<String> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/venv/bin/python");
    let named = std::env::var("FORETHOUGHT_PYTHON").ok();
    let mut candidates = named.into_iter().chain([peers.display().to_string(), "python3".to_owned()]);
    let found = candidates.find(|p| runs(p, "import gymnasium"));
    if found.is_none() {
        assert!(std::env::var("FORETHOUGHT_PEERS").as_deref() != Ok("all"), "no Python has gymnasium");
        eprintln!("skipped: no Python has gymnasium (`cargo xtask peers` installs it)");
    }
    found
}

fn options(python: &str, id: &str) -> Value {
    json!({ "gymnasium": id, "python": python, "timeout_s": 60 })
}

/// What Gymnasium itself reads, as JSON: `[[observation, done], …]`.
fn itself(python: &str, id: &str, seed: u64, actions: &Value) -> Vec<Reading> {
    const PROGRAM: &str = "
import gymnasium, json, numpy, sys
env = gymnasium.make(sys.argv[1])
out = [[env.reset(seed=int(sys.argv[2]))[0].tolist(), False]]
for a in json.loads(sys.argv[3]):
    a = numpy.array(a, dtype=numpy.float32) if isinstance(a, list) else a
    o, _, terminated, truncated, _ = env.step(a)
    out.append([o.tolist(), terminated or truncated])
print(json.dumps(out))
";
    let output = Command::new(python)
        .args(["-c", PROGRAM, id, &seed.to_string(), &actions.to_string()])
        .output()
        .unwrap();
    let readings: Vec<(Vec<f64>, bool)> = serde_json::from_slice(&output.stdout).unwrap();
    let reading =
        |(values, done): (Vec<f64>, bool)| Reading { values: values.into_iter().map(Some).collect(), done };
    readings.into_iter().map(reading).collect()
}

#[test]
fn a_pendulum_swings_here_as_it_does_there() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut plant = built(dir.path(), &options(&python, "Pendulum-v1")).unwrap();
    let card = plant.card().clone();
    assert_eq!((card.name.as_str(), card.period_s), ("Pendulum-v1", 0.05));
    let ends = |c: &forethought_plant::Channel| (c.low, c.high);
    assert_eq!(card.actions.iter().map(|a| ends(&a.channel)).collect::<Vec<_>>(), [(-2.0, 2.0)]);
    assert_eq!(card.sensors.iter().map(ends).collect::<Vec<_>>(), [(-1.0, 1.0), (-1.0, 1.0), (-8.0, 8.0)]);
    assert_eq!(card.safe(), [0.0]);
    let torques: Vec<f64> = (0..200).map(|t| f64::from(t % 9) * 0.5 - 2.0).collect();
    let expected = itself(&python, "Pendulum-v1", 7, &json!(torques.iter().map(|t| [t]).collect::<Vec<_>>()));
    assert_eq!(plant.reset(7).unwrap(), expected[0]);
    for (torque, expected) in torques.iter().zip(&expected[1..]) {
        assert_eq!(&plant.step(&[*torque]).unwrap(), expected);
    }
    assert!(expected[200].done, "its time limit is an end");
    plant.make_safe().unwrap();
}

#[test]
fn a_discrete_action_is_rounded_to_one_that_there_is() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut plant = built(dir.path(), &options(&python, "CartPole-v1")).unwrap();
    let action = &plant.card().actions[0].channel;
    assert_eq!((action.low, action.high, plant.card().period_s), (0.0, 1.0, 0.02));
    assert_eq!(plant.card().sensors[1].high, 1e9, "an infinite bound is a wide one");
    let expected = itself(&python, "CartPole-v1", 3, &json!([[1, 1, 0].as_slice(), &[1; 17]].concat()));
    let mut found = vec![plant.reset(3).unwrap()];
    for push in [[0.8, 1.0, 0.1, 1.0, 7.0].as_slice(), &[1.0; 15]].concat() {
        found.push(plant.step(&[push]).unwrap());
    }
    let end = expected.iter().position(|r| r.done).unwrap();
    assert_eq!(found[..=end], expected[..=end]);
    assert!(found[end + 1..].iter().all(|r| r == &found[end]), "what came to its end stands still");
}

/// An environment of one's own, beside the world file, that says what it was given: every kind of space in one.
const ECHO: &str = r#"
import gymnasium, numpy
from gymnasium import spaces

PARTS = spaces.Tuple((spaces.Discrete(3, start=-1), spaces.MultiDiscrete([3, 4]), spaces.Box(-2, 2, (2,))))

class Echo(gymnasium.Env):
    action_space = PARTS
    observation_space = spaces.Dict({"given": PARTS, "count": spaces.MultiBinary(2)})
    def reset(self, seed=None, options=None):
        return {"given": (0, numpy.array([2, 3]), numpy.zeros(2)), "count": numpy.array([1, 0], dtype=numpy.int8)}, {}
    def step(self, action):
        assert PARTS.contains(action), action
        return {"given": action, "count": numpy.array([0, 1], dtype=numpy.int8)}, 0.0, False, False, {}

gymnasium.register("Echo-v0", Echo, disable_env_checker=True)
"#;

#[test]
fn spaces_of_spaces_are_numbers_with_names() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("echo.py"), ECHO).unwrap();
    let mut plant = built(dir.path(), &options(&python, "echo:Echo-v0")).unwrap();
    let card = plant.card().clone();
    let sensors: Vec<(&str, f64, f64)> =
        card.sensors.iter().map(|s| (s.name.as_str(), s.low, s.high)).collect();
    let given =
        [("0", -1.0, 1.0), ("1_0", 0.0, 2.0), ("1_1", 0.0, 3.0), ("2_0", -2.0, 2.0), ("2_1", -2.0, 2.0)];
    let named = |part: &str, given: &[(&str, f64, f64)]| -> Vec<(String, f64, f64)> {
        given.iter().map(|(n, l, h)| (format!("{part}_{n}"), *l, *h)).collect()
    };
    let expected =
        [named("observation_count", &[("0", 0.0, 1.0), ("1", 0.0, 1.0)]), named("observation_given", &given)]
            .concat();
    assert_eq!(sensors, expected.iter().map(|(n, l, h)| (n.as_str(), *l, *h)).collect::<Vec<_>>());
    let actions: Vec<&str> = card.actions.iter().map(|a| a.channel.name.as_str()).collect();
    assert_eq!(actions, ["action_0", "action_1_0", "action_1_1", "action_2_0", "action_2_1"]);
    let numbers = |reading: Reading| reading.numbers();
    assert_eq!(numbers(plant.reset(1).unwrap()), [1.0, 0.0, 0.0, 2.0, 3.0, 0.0, 0.0]);
    let read = plant.step(&[-0.8, 1.6, 9.0, 0.5, -7.0]).unwrap();
    assert_eq!(numbers(read), [0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -2.0]);
}

#[test]
fn many_copies_are_many_singles() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(&python, "CartPole-v1");
    options["reward"] = json!(true);
    let mut many = built_many(dir.path(), &options);
    assert_eq!(many.card().sensors.last().unwrap().name, "reward");
    let seeds = [11, 12, 13, 14];
    let mut ones: Vec<Box<dyn Environment>> =
        seeds.iter().map(|_| built(dir.path(), &options).unwrap()).collect();
    let first: Vec<Reading> = ones.iter_mut().zip(seeds).map(|(one, s)| one.reset(s).unwrap()).collect();
    assert_eq!(first[0].values.last(), Some(&None), "no reward before the first action");
    assert_eq!(many.reset(&seeds).unwrap(), first);
    for t in 0..30 {
        let actions: Vec<Vec<f64>> = (0..4).map(|i| vec![f64::from((t / (i + 1)) % 2)]).collect();
        let expected: Vec<Reading> =
            ones.iter_mut().zip(&actions).map(|(one, a)| one.step(a).unwrap()).collect();
        assert_eq!(many.step(&actions).unwrap(), expected);
        assert_eq!(expected[0].values.last(), Some(&Some(1.0)));
    }
    assert_eq!(many.reset(&seeds[..2]).unwrap(), first[..2], "fewer, and again from the start");
}

#[test]
fn what_gymnasium_refuses_is_named() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let refused = |options: &Value| built(dir.path(), options).map(|_| ()).unwrap_err().to_string();
    let text = refused(&options(&python, "NoSuchThing-v0"));
    assert!(text.contains("NoSuchThing"), "{text}");
    let mut wrong = options(&python, "Pendulum-v1");
    wrong["arguments"] = json!({ "moon": true });
    let text = refused(&wrong);
    assert!(text.contains("moon"), "{text}");
}

#[test]
fn without_gymnasium_the_bridge_says_so() {
    if !runs("python3", "") {
        eprintln!("skipped: there is no python3");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // `-I -S`: a Python that sees no installed packages.
    let command = json!(["python3", "-I", "-S", "-c", GYMNASIUM_BRIDGE, r#"{"id":"Pendulum-v1"}"#]);
    let text = built(dir.path(), &json!({ "command": command })).map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("has no gymnasium: pip install gymnasium"), "{text}");
}
