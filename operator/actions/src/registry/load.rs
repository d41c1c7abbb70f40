//! One load: from ConfigMaps and the library to actions, with what was made before.

mod modifier;

use std::{collections::HashMap, sync::Arc};

use k8s_openapi::api::core::v1::ConfigMap;
use sha2::{Digest, Sha256};

use super::Kept;
use crate::{
    configuration::{Configuration, Script},
    host::{ActionHost, Blueprint, Compiled, ComponentError, Failure, Instance, one_line},
    library::{BUILT_IN, Library, LibraryComponent},
    limits,
    manifest::{Ceiling, Code, Declaration, Manifest, check_ceiling},
    plugin_config::{PluginConfigs, RoleConfig},
    run_info::Share,
    set::{Action, ActionSetBuilder, ActionState, Rank},
    source::{Chunks, Declared, Sha, Source, SourceError, Supplied, assemble, part, source_name},
    source_report::{Effect, LoadedSource, SourceProblem, SourceReport},
    subject::Role,
};

/// The source of the server's own actions.
const BUILT_IN_SOURCE: &str = "built-in";

/// One load: what is carried over from the last one, and what is made for the next.
pub(super) struct Load<'a> {
    pub(super) host: &'a Arc<ActionHost>,
    pub(super) library: &'a Library,
    pub(super) built_ins: &'a [BuiltIn],
    pub(super) chunks: Chunks<'a>,
    pub(super) plugin_configs: PluginConfigs<'a>,
    pub(super) kept: &'a mut Kept,
    pub(super) next: Kept,
    /// Which ConfigMap a name belongs to, per role.
    pub(super) owners: HashMap<(Role, String), String>,
    pub(super) made: ActionSetBuilder,
}

/// One of the server's own actions, as its manifest says.
#[derive(Debug)]
pub(super) struct BuiltIn {
    /// Or why it cannot be read.
    declaration: Result<Declaration, String>,
    fingerprint: Sha,
}

impl BuiltIn {
    pub(super) fn read(text: &str, ceiling: Ceiling) -> Self {
        let mut fingerprint = Sha256::new();
        part(&mut fingerprint, text.as_bytes());
        Self {
            declaration: Declaration::parse(text, ceiling).map_err(|error| error.to_string()),
            fingerprint: fingerprint.finalize().into(),
        }
    }
}

/// An action in the making: one manifest for the roles that are configured alike.
struct Draft {
    manifest: Manifest,
    plugin_config: Result<Option<String>, String>,
    rank: Rank,
    source: String,
    fingerprint: Sha,
}

/// The code of an action, ready to be compiled.
#[derive(Clone)]
struct Program {
    /// What tells the author which code it is: of the component, or of the script.
    digest: Sha,
    /// Of the component that runs.
    component: Sha,
    bytes: Bytes,
    script: Option<Script>,
}

#[derive(Clone)]
enum Bytes {
    Here(Arc<Vec<u8>>),
    InLibrary(LibraryComponent),
}

impl<'a> Load<'a> {
    /// Takes in one ConfigMap and reports what became of it.
    pub(super) async fn configmap(&mut self, configmap: &'a ConfigMap) {
        let source = source_name(configmap);
        let outcome = match Source::read(configmap, &self.chunks, self.host.options().ceiling) {
            Err(error) => {
                let reason = error.to_string();
                self.made.unreadable(&source, &reason);
                Err(SourceProblem { effect: Effect::Unreadable, reason })
            }
            Ok(Source { declared: Declared::SwitchedOff(off), .. }) => {
                self.claim(&off.name, &off.roles, &source).map(|()| LoadedSource {
                    digest: String::new(),
                    switched_off: true,
                    replaces: self.replaced(&off.name, &off.roles),
                    name: off.name,
                    roles: off.roles,
                })
            }
            Ok(Source { declared: Declared::Action(manifest, code), fingerprint }) => {
                self.action(*manifest, code, fingerprint, &source).await
            }
        };
        self.made.report(SourceReport { source, outcome });
    }

    async fn action(
        &mut self,
        manifest: Manifest,
        code: Result<Supplied<'_>, SourceError>,
        fingerprint: Sha,
        source: &str,
    ) -> Result<LoadedSource, SourceProblem> {
        let drafts = self.drafts(&manifest, Rank::Own, fingerprint, source);
        let program = match code {
            // Everything as it was: what the code is has been looked at before.
            Ok(_) if drafts.iter().all(|draft| self.kept.actions.contains_key(&draft.fingerprint)) => {
                Err(String::new())
            }
            Ok(supplied) => match self.program(supplied).await {
                Err(error) if error.is_incomplete() && self.kept.complete.contains_key(source) => {
                    return self.last_complete(source, error);
                }
                program => program.map_err(|error| error.to_string()),
            },
            Err(error) if error.is_incomplete() && self.kept.complete.contains_key(source) => {
                return self.last_complete(source, error);
            }
            Err(error) => Err(error.to_string()),
        };
        self.claim(&manifest.name, &manifest.roles, source)?;
        let mut made = Vec::new();
        for draft in drafts {
            made.push((draft.fingerprint, self.finish(draft, program.clone()).await));
        }
        let broken = made.iter().find_map(|(_, action)| match &action.state {
            ActionState::Ready(_) => None,
            ActionState::Broken(reason) => Some(reason.clone()),
        });
        let digest = made.iter().find_map(|(_, action)| action.digest).map(hex::encode).unwrap_or_default();
        match broken {
            Some(reason) => Err(SourceProblem { effect: Effect::Fails, reason }),
            None => {
                self.next.complete.insert(source.to_owned(), made);
                Ok(LoadedSource {
                    replaces: self.replaced(&manifest.name, &manifest.roles),
                    name: manifest.name,
                    roles: manifest.roles,
                    digest,
                    switched_off: false,
                })
            }
        }
    }

    /// Goes on with what a ConfigMap was when it was last complete.
    fn last_complete(&mut self, source: &str, error: SourceError) -> Result<LoadedSource, SourceProblem> {
        let complete = self.kept.complete.remove(source).unwrap_or_default();
        for (_, action) in &complete {
            self.claim(&action.manifest.name, &action.manifest.roles, source)?;
        }
        for (fingerprint, action) in &complete {
            self.kept.actions.remove(fingerprint);
            self.carry_over(*fingerprint, action);
            self.made.action(Arc::clone(action));
        }
        self.next.complete.insert(source.to_owned(), complete);
        Err(SourceProblem { effect: Effect::LastGood, reason: error.to_string() })
    }

    /// The server's own actions, in the roles that no ConfigMap has taken.
    pub(super) async fn built_ins(&mut self) {
        for (place, BuiltIn { declaration, fingerprint }) in self.built_ins.iter().enumerate() {
            let mut manifest = match declaration {
                Ok(Declaration::Action(manifest)) => Manifest::clone(manifest),
                Ok(Declaration::SwitchedOff(_)) => continue,
                Err(reason) => {
                    self.made.unreadable(BUILT_IN_SOURCE, reason);
                    continue;
                }
            };
            manifest.roles.retain(|role| !self.owners.contains_key(&(*role, manifest.name.clone())));
            if manifest.roles.is_empty()
                || self.claim(&manifest.name, &manifest.roles, BUILT_IN_SOURCE).is_err()
            {
                continue;
            }
            let program =
                match (&manifest.code, self.library.component(BUILT_IN)) {
                    (Code::BuiltIn, Some(component)) => Ok(Program {
                        digest: component.sha256,
                        component: component.sha256,
                        bytes: Bytes::InLibrary(component.clone()),
                        script: None,
                    }),
                    _ => Err("this build of the server does not contain the component of its own actions"
                        .to_owned()),
                };
            for draft in self.drafts(&manifest, Rank::BuiltIn(place), *fingerprint, BUILT_IN_SOURCE) {
                self.finish(draft, program.clone()).await;
            }
        }
    }

    /// The first one to come, which is the oldest, gets the name.
    fn claim(&mut self, name: &str, roles: &[Role], source: &str) -> Result<(), SourceProblem> {
        for role in roles {
            if let Some(owner) = self.owners.get(&(*role, name.to_owned())) {
                let reason =
                    format!("there is an action {name} for {role} already, from the older ConfigMap {owner}");
                return Err(SourceProblem { effect: Effect::Ignored, reason });
            }
        }
        for role in roles {
            self.owners.insert((*role, name.to_owned()), source.to_owned());
        }
        Ok(())
    }

    /// The roles in which the server has an action of this name.
    fn replaced(&self, name: &str, roles: &[Role]) -> Vec<Role> {
        let own = self.built_ins.iter().filter_map(|built_in| built_in.declaration.as_ref().ok());
        let own: Vec<&Declaration> = own.filter(|declaration| declaration.name() == name).collect();
        let has = |role: &&Role| own.iter().any(|declaration| declaration.roles().contains(role));
        roles.iter().filter(has).copied().collect()
    }

    /// One action for all roles that are configured alike.
    fn drafts(&self, manifest: &Manifest, rank: Rank, fingerprint: Sha, source: &str) -> Vec<Draft> {
        let parts = self.plugin_configs.of(&manifest.name, &manifest.roles);
        let draft = |RoleConfig { roles, config }: RoleConfig| {
            let mut all = Sha256::new();
            all.update(fingerprint);
            part(&mut all, source.as_bytes());
            for role in &roles {
                part(&mut all, role.interface().as_bytes());
            }
            part(&mut all, format!("{config:?}").as_bytes());
            Draft {
                manifest: Manifest { roles, ..manifest.clone() },
                plugin_config: config,
                rank,
                source: source.to_owned(),
                fingerprint: all.finalize().into(),
            }
        };
        parts.into_iter().map(draft).collect()
    }

    /// What a ConfigMap supplies, as something to compile.
    async fn program(&self, supplied: Supplied<'_>) -> Result<Program, SourceError> {
        match supplied {
            Supplied::Component { packed, digest, chunked } => {
                let packed = packed.concat();
                // Unpacking takes some ten milliseconds of nothing but computing.
                let assembled = tokio::task::spawn_blocking(move || assemble(&packed, digest, chunked)).await;
                let (bytes, digest) = assembled.map_err(SourceError::Unpacking)??;
                Ok(Program { digest, component: digest, bytes: Bytes::Here(Arc::new(bytes)), script: None })
            }
            Supplied::Script { engine, script } => {
                let component = self.library.component(engine.name()).ok_or(SourceError::NoEngine(engine))?;
                Ok(Program {
                    digest: Sha256::digest(&script.text).into(),
                    component: component.sha256,
                    bytes: Bytes::InLibrary(component.clone()),
                    script: Some(script),
                })
            }
        }
    }

    /// Makes an action, or finds the one that was made before.
    async fn finish(&mut self, draft: Draft, program: Result<Program, String>) -> Arc<Action> {
        let fingerprint = draft.fingerprint;
        let action = match self.kept.actions.remove(&fingerprint) {
            Some(action) => action,
            None => Arc::new(self.make(draft, program).await),
        };
        // Only what works is kept: what does not may have been out of luck, on a busy machine for instance.
        self.carry_over(fingerprint, &action);
        self.made.action(Arc::clone(&action));
        action
    }

    fn carry_over(&mut self, fingerprint: Sha, action: &Arc<Action>) {
        let key = (action.source.clone(), action.manifest.name.clone());
        self.next.stats.insert(key, Arc::clone(&action.stats));
        if let ActionState::Ready(compiled) = &action.state {
            self.next.actions.insert(fingerprint, Arc::clone(action));
            if let Some(component) = action.component {
                self.next.compiled.insert(component, Arc::clone(compiled));
            }
        }
    }

    async fn make(&mut self, draft: Draft, program: Result<Program, String>) -> Action {
        let Draft { manifest, plugin_config, rank, source, fingerprint: _ } = draft;
        let key = (source.clone(), manifest.name.clone());
        let counted =
            self.next.stats.get(&key).or_else(|| self.kept.stats.get(&key)).cloned().unwrap_or_default();
        let (digest, component) =
            program.as_ref().map_or((None, None), |program| (Some(program.digest), Some(program.component)));
        let mut configuration = Configuration::default();
        let program = program.and_then(|program| self.allowed(&manifest, rank).map(|()| program));
        let state = match (program, plugin_config) {
            (Err(reason), _) | (_, Err(reason)) => ActionState::Broken(reason),
            (Ok(Program { component, bytes, script, .. }), Ok(plugin_config)) => {
                configuration = Configuration { script, plugin_config };
                match self.compile(component, bytes).await {
                    Ok(compiled) => match examine(&compiled, &manifest, &configuration).await {
                        Ok(()) => ActionState::Ready(compiled),
                        Err(reason) => ActionState::Broken(reason),
                    },
                    Err(error) => ActionState::Broken(error.to_string()),
                }
            }
        };
        Action { manifest, configuration, rank, source, digest, component, state, stats: counted }
    }

    /// Whether the server's flags allow what a manifest wants of the cluster. What the server brings along needs no flag.
    fn allowed(&self, manifest: &Manifest, rank: Rank) -> Result<(), String> {
        match rank {
            Rank::BuiltIn(_) => Ok(()),
            Rank::Own => check_ceiling(&manifest.capabilities.cluster, &self.host.options().cluster),
        }
    }

    /// Compiles a component, once for all actions that use it and for as long as one does.
    async fn compile(&mut self, sha: Sha, bytes: Bytes) -> Result<Arc<Compiled>, ComponentError> {
        let made = [&self.next.compiled, &self.kept.compiled, &self.kept.modifiers];
        let found = made.into_iter().find_map(|made| made.get(&sha)).cloned();
        if let Some(compiled) = found {
            self.next.compiled.insert(sha, Arc::clone(&compiled));
            return Ok(compiled);
        }
        let host = Arc::clone(self.host);
        let compiled = tokio::task::spawn_blocking(move || match bytes {
            Bytes::Here(bytes) => host.compile(&bytes),
            Bytes::InLibrary(component) => host.compile_library(&component),
        });
        let compiled = compiled.await.unwrap_or_else(|error| Err(ComponentError::Compile(error.to_string())));
        // A refusal is not kept: the host remembers those that are final, and the others were bad luck.
        if let Ok(compiled) = &compiled {
            self.next.compiled.insert(sha, Arc::clone(compiled));
        }
        compiled
    }
}

/// Asks a component whether it can be what its manifest says.
async fn examine(
    compiled: &Compiled,
    manifest: &Manifest,
    configuration: &Configuration,
) -> Result<(), String> {
    if let Some(role) = manifest.roles.iter().find(|role| !compiled.has(**role)) {
        return Err(format!(
            "the manifest says `on: [{role}]`, but the component does not export the interface lateen:item-action/{}",
            role.interface()
        ));
    }
    configure(compiled, manifest, configuration).await.map_err(|reason| format!("configure: {reason}"))
}

/// Configures an instance without a run, which tells its author what is wrong.
async fn configure(
    compiled: &Compiled,
    manifest: &Manifest,
    configuration: &Configuration,
) -> Result<(), String> {
    // What is granted does not matter here: nothing of the cluster is answered without a run.
    let blueprint = Blueprint { compiled, manifest, configuration, built_in: false };
    let (started, _) = Instance::start(blueprint, None, Arc::new(Share::default())).await;
    match started {
        Ok(_) => Ok(()),
        Err(Failure::Refused(reason)) => Err(one_line(&reason, limits::REASON)),
        Err(Failure::Trapped(reason)) => Err(reason),
        // There is no run that could be cancelled.
        Err(Failure::Cancelled) => Err("cancelled".to_owned()),
    }
}
