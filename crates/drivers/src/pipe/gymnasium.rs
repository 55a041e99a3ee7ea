//! Any Gymnasium environment, through a bridge in Python that this program carries with it.

use serde_json::json;

use super::Options;

/// The bridge: plain Python 3.9 that needs only `gymnasium`. `python3 gymnasium_bridge.py '{"id": "Pendulum-v1"}'`.
pub const GYMNASIUM_BRIDGE: &str = include_str!("../../python/gymnasium_bridge.py");

/// What starts the bridge. It is handed over as text: no file has to be written.
pub(super) fn command(options: &Options, id: &str) -> Vec<String> {
    let asked = json!({
        "id": id,
        "arguments": options.arguments,
        "reward": options.reward,
        "period_s": options.period_s,
    });
    vec![options.python.clone(), "-c".to_owned(), GYMNASIUM_BRIDGE.to_owned(), asked.to_string()]
}
