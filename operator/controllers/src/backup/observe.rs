//! What has to be looked up before a Backup can be judged: what the cluster serves, the locations, who wants to be left out, and the
//! policies.
//!
//! A refusal of the API server (no such object, not allowed) is a finding: the Backup fails validation and says so. A server that does
//! not answer is an error: the Backup is looked at again later.

use std::error::Error;

use futures::try_join;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use lateen_api::labels;
use lateen_api::v1::{Backup, VolumeSnapshotLocation};
use lateen_cluster::discovery::{self, Discovery};
use lateen_core::backup::request::{Looked, Observed, PolicyConfigMap, PolicyReference};

use crate::context::Context;
use crate::location;

/// Looks up what decides about `backup`, all of it at the same time.
pub(super) async fn observe(
    context: &Context,
    backup: &Backup,
) -> Result<(Discovery, Observed), Box<dyn Error + Send + Sync>> {
    let discovered = async { discovery::discover(&context.client).await.map_err(Box::from) };
    let found = async {
        try_join!(
            async { looked(location::all_checked(context).await) },
            async { looked(context.list::<VolumeSnapshotLocation>("").await) },
            namespaces_labelled_out(context),
            policy(context, backup),
        )
        .map_err(Box::<dyn Error + Send + Sync>::from)
    };
    let (discovery, (locations, snapshot_locations, namespaces_labelled_out, policy)) =
        try_join!(discovered, found)?;
    let server = &discovery.server;
    let server_version = (server.git_version.clone(), server.major.clone(), server.minor.clone());
    let observed =
        Observed { locations, snapshot_locations, namespaces_labelled_out, policy, server_version };
    Ok((discovery, observed))
}

async fn namespaces_labelled_out(context: &Context) -> Result<Looked<Vec<String>>, kube::Error> {
    let namespaces: Api<Namespace> = Api::all(context.client.clone());
    let labelled = ListParams::default().labels(&format!("{}=true", labels::EXCLUDE_FROM_BACKUP));
    let listed = looked(namespaces.list_metadata(&labelled).await)?;
    Ok(listed.map(|list| list.iter().map(ResourceExt::name_any).collect()))
}

async fn policy(context: &Context, backup: &Backup) -> Result<Option<PolicyConfigMap>, kube::Error> {
    let PolicyReference::ConfigMap(name) = PolicyReference::of(&backup.spec) else { return Ok(None) };
    if name.is_empty() {
        return Ok(Some(PolicyConfigMap::NotFound));
    }
    let found = looked(context.api::<ConfigMap>().get_opt(&name).await)?;
    Ok(Some(match found {
        Ok(Some(config_map)) => PolicyConfigMap::Found(config_map.data.unwrap_or_default()),
        Ok(None) => PolicyConfigMap::NotFound,
        Err(reason) => PolicyConfigMap::Refused(reason),
    }))
}

/// Tells a refusal, which another try would meet again, from a server that cannot answer now.
fn looked<T>(answer: Result<T, kube::Error>) -> Result<Looked<T>, kube::Error> {
    const REQUEST_TIMEOUT: u16 = 408;
    const TOO_MANY_REQUESTS: u16 = 429;
    match answer {
        Ok(found) => Ok(Ok(found)),
        Err(kube::Error::Api(status))
            if (400..500).contains(&status.code)
                && ![REQUEST_TIMEOUT, TOO_MANY_REQUESTS].contains(&status.code) =>
        {
            Ok(Err(status.message.clone()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> Result<Looked<()>, kube::Error> {
        looked(Err(kube::Error::Api(Box::new(Status::failure("no", "Reason").with_code(code)))))
    }

    #[test]
    fn only_refusals_are_findings() {
        for code in [401, 403, 404] {
            assert_eq!(answer(code).unwrap(), Err("no".to_owned()), "{code}");
        }
        for code in [408, 429, 500, 503] {
            assert!(answer(code).is_err(), "{code}");
        }
    }
}
