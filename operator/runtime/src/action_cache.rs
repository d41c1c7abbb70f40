//! Who compiles item actions, and where what they compile to is kept.
//!
//! A cache is only as good as its key: whoever can write to the one and knows the other can run code in the server. So the key is a Secret of the
//! server's namespace, made once by the first server that needs it, and the cache is used without a doubt or not at all. That there is none costs a
//! start some seconds and is no reason not to start.

use std::path::{Path, PathBuf};

use kube::Client;
use lateen_actions::compile::{
    CacheKey, CacheOptions, ChildCompiler, CompileLimits, CompileOptions, Compiler,
};
use lateen_cluster::secret;
use tokio_util::sync::CancellationToken;

use crate::args::ServerArgs;

/// The Secret that holds the key.
const SECRET: &str = "lateen-action-cache";

/// Its key in there.
const SECRET_KEY: &str = "key";

/// Compiling as a server does it: in a child, with a cache if there is a folder for it.
pub(crate) async fn compile_options(
    client: &Client,
    args: &ServerArgs,
    cancelled: CancellationToken,
) -> CompileOptions {
    let compiler =
        Compiler::Child(ChildCompiler { executable: own_executable(), limits: CompileLimits::default() });
    let cache = match &args.action_cache_dir {
        Some(folder) => cache(client, &args.namespace, folder).await,
        None => {
            tracing::info!("item actions are compiled at every start: there is no --action-cache-dir");
            None
        }
    };
    CompileOptions { compiler, cache, cancelled }
}

async fn cache(client: &Client, namespace: &str, folder: &Path) -> Option<CacheOptions> {
    match key(client, namespace).await {
        Ok(key) => Some(CacheOptions::new(folder, key)),
        Err(error) => {
            let error = format!("{error:#}");
            tracing::warn!(
                secret = SECRET,
                error,
                "no key for the cache of item actions; they are compiled at every start"
            );
            None
        }
    }
}

async fn key(client: &Client, namespace: &str) -> anyhow::Result<CacheKey> {
    let mut fresh = [0; CacheKey::LENGTH];
    getrandom::fill(&mut fresh).map_err(|error| anyhow::anyhow!("cannot make a key: {error}"))?;
    let key = secret::value_or_create(client, namespace, SECRET, SECRET_KEY, &fresh).await?;
    Ok(CacheKey::try_from(&key[..])?)
}

/// This program. The link leads to what is running, also when another version was installed over it.
fn own_executable() -> PathBuf {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() { link } else { std::env::current_exe().unwrap_or(link) }
}
