//! What an answer asks for beyond a change of the item, against what the manifest grants. A refusal names the line that the manifest lacks.

use crate::{
    change::Identity,
    host::Operation,
    limits,
    manifest::Capabilities,
    operation::StartedOperation,
    run_info::Stage,
    set::Action,
    subject::{ObjectRef, Subject},
};

/// Related objects, all of them.
pub(crate) fn related(grants: &Capabilities, subject: &Subject, related: &[ObjectRef]) -> Result<(), String> {
    if related.len() > limits::RELATED {
        return Err(format!(
            "the answer names {} related objects, more than {}",
            related.len(),
            limits::RELATED
        ));
    }
    for object in related {
        let ObjectRef { group, resource, namespace, name } = object;
        let namespace = namespace.as_deref().unwrap_or("none");
        let parts = [resource.as_str(), namespace, name.as_str()];
        if parts.iter().any(|part| part.is_empty())
            || parts.iter().chain([&group.as_str()]).any(|part| part.contains('/'))
        {
            return Err(format!("the related object {object} has an empty part, or one with a slash"));
        }
        grants
            .allow_related(subject, object)
            .map_err(|line| not_granted(&format!("the related object {object}"), line))?;
    }
    Ok(())
}

/// Related objects past the filters.
pub(crate) fn must_include(grants: &Capabilities) -> Result<(), String> {
    if grants.must_include {
        Ok(())
    } else {
        Err(not_granted("must-include", "capabilities: {mustInclude: true}"))
    }
}

/// Another identity. Whether it makes sense is for the API server to say; here it has to be one.
pub(crate) fn identity(grants: &Capabilities, identity: &Identity) -> Result<(), String> {
    if !grants.identity {
        return Err(not_granted("another identity", "capabilities: {identity: true}"));
    }
    let Identity { api_version, kind, name } = identity;
    let part = |text: &str| !text.is_empty() && !text.contains("..") && text != ".";
    let path = |text: &str| part(text) && !text.contains('/');
    let version = api_version
        .rsplit_once('/')
        .map_or(path(api_version), |(group, version)| path(group) && path(version));
    if version && path(kind) && path(name) && name.len() <= 253 {
        Ok(())
    } else {
        Err(format!("the identity {api_version:?}, {kind:?}, {name:?} is none that an object can have"))
    }
}

/// An operation, as the engine will remember it.
pub(crate) fn operation(
    action: &Action,
    operation: Operation,
    stage: Stage,
) -> Result<StartedOperation, String> {
    let Operation { id, post_items } = operation;
    if stage == Stage::Finalize {
        return Err("an operation cannot begin while the backup is finalized".to_owned());
    }
    if id.is_empty()
        || id.len() > limits::OPERATION_ID
        || !id.bytes().all(|byte| (b' '..=b'~').contains(&byte))
    {
        return Err(format!(
            "the id of an operation must be 1 to {} printable ASCII characters",
            limits::OPERATION_ID
        ));
    }
    let digest = action.digest.map(hex::encode).unwrap_or_default();
    Ok(StartedOperation { action: action.manifest.name.clone(), digest, id, post_items })
}

fn not_granted(what: &str, line: &str) -> String {
    format!("{what} is not granted; it needs `{line}` in the manifest")
}
