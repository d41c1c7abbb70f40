//! The script engine for CEL, the language of Kubernetes' admission policies.
//!
//! A script is one expression. It is told the item as `object` and answers with what is to become of it: a merge patch, a JSON patch, `skip("why")` and so on
//! (`answer.rs` has the table). The item itself is never written back, so nothing that the expression does not name can suffer.
//!
//! The expression is parsed once per instance. Evaluating it has no effects, reads the cluster only where that is granted, and ends: there are no loops but over
//! what is there.

mod answer;
mod arguments;
mod cluster;
mod functions;
mod literals;
mod place;
mod syntax;
mod values;
mod variables;

use std::{rc::Rc, sync::Arc};

use cel::{
    Context, DeclarationError, Env, ExecutionError, IdedExpr, ParseErrors, Value, common::ast::SourceInfo,
    extensions,
};
use lateen_engine_kit::{Engine, Host, Position, Scene, Script, Verdict, export_engine, located};
use literals::Literal;
use syntax::Uses;
use variables::Settings;

/// A script, parsed.
pub struct CelEngine {
    name: String,
    environment: Arc<Env>,
    expression: IdedExpr,
    source: SourceInfo,
    uses: Uses,
    settings: Settings,
    host: Rc<dyn Host>,
}

export_engine!(CelEngine);

impl Engine for CelEngine {
    fn compile(script: &Script, host: Rc<dyn Host>) -> Result<Self, String> {
        let Script { name, text, params, plugin_config } = script;
        let broken = |error: DeclarationError| located(name, None, error);
        let mut environment = environment().map_err(broken)?;
        let (mut expression, source) = environment
            .parser()
            .parse_with_source_info(text)
            .map_err(|errors| syntax_error(name, &errors))?;
        let uses = syntax::examine(&mut expression)
            .map_err(|wrong| located(name, position(&source, &[wrong.id]), wrong.message))?;
        for literal in &uses.literals {
            environment.add_type(Literal::named(literal)).map_err(broken)?;
        }
        let params = if params.is_empty() { "{}" } else { params };
        let params = values::parse(params).map_err(|error| format!("params: {error}"))?;
        let config = values::parse(plugin_config.as_deref().unwrap_or("null"))
            .map_err(|error| format!("plugin config: {error}"))?;
        Ok(Self {
            name: name.clone(),
            environment: Arc::new(environment),
            expression,
            source,
            uses,
            settings: Settings { params, config },
            host,
        })
    }

    fn run(&self, item: &str, scene: &Scene) -> Result<Verdict, String> {
        let mut context = Context::with_env(Arc::clone(&self.environment));
        for name in &self.uses.variables {
            variables::bind(&mut context, name, item, &self.settings, (scene, &*self.host))
                .map_err(|error| located(&self.name, None, format!("`{name}` is no JSON: {error}")))?;
        }
        cluster::with(&self.host, || {
            let value = Value::resolve_val(&self.expression, &context)
                .map_err(|error| self.failed(&context, &error))?;
            answer::verdict(value.as_ref(), &*self.host)
                .map_err(|wrong| located(&self.name, position(&self.source, &[self.expression.id]), wrong))
        })
    }
}

impl CelEngine {
    fn failed(&self, context: &Context<'_, '_>, error: &ExecutionError) -> String {
        let trail = place::trail(&self.expression, context, error);
        located(&self.name, position(&self.source, &trail), place::message(error))
    }
}

fn environment() -> Result<Env, DeclarationError> {
    let mut environment = Env::stdlib();
    environment.add_extension(extensions::strings)?;
    environment.add_extension(extensions::lists)?;
    environment.add_extension(extensions::encoders)?;
    environment.add_extension(extensions::math)?;
    functions::declare(&mut environment)?;
    Ok(environment)
}

/// The place of the last of these expressions that has one; what a macro makes has none of its own.
fn position(source: &SourceInfo, trail: &[u64]) -> Option<Position> {
    let offset = trail.iter().rev().find_map(|&id| source.offset_for(id))?.0;
    Some(Position::of(&source.source, usize::try_from(offset).ok()?))
}

/// The first of the parser's errors; those after it are often its consequences.
fn syntax_error(name: &str, errors: &ParseErrors) -> String {
    let Some(first) = errors.errors.first() else {
        return located(name, None, "the expression cannot be read");
    };
    let place = |number: isize| usize::try_from(number).ok().filter(|&number| number > 0);
    let position = place(first.pos.0).zip(place(first.pos.1)).map(|(line, column)| Position { line, column });
    // The parser wraps this one into the form of its own source.
    let message =
        if first.msg.contains("Recursion limit") { "nested too deep to be read" } else { &first.msg };
    located(name, position, message)
}

#[cfg(test)]
mod tests;
