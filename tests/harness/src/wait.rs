//! Waiting for a condition, with a limit.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// How often a condition is looked at: often enough to cost little against steps of a second, seldom enough to leave the API server alone.
const POLL: Duration = Duration::from_millis(50);

/// Waits until `condition` gives something, and gives that back.
///
/// An error of the condition is no end, it may be a passing one; the last is told when `limit` is over.
pub async fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut condition: impl AsyncFnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        let last = match condition().await {
            Ok(Some(met)) => return Ok(met),
            Ok(None) => None,
            Err(error) => Some(error),
        };
        if start.elapsed() > limit {
            let waited = format!("waited {} s for {what} in vain", limit.as_secs());
            return Err(last.map_or_else(|| anyhow!(waited.clone()), |error| error.context(waited.clone())));
        }
        tokio::time::sleep(POLL).await;
    }
}
