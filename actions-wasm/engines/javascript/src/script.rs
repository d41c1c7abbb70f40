//! Loading a script.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use lateen_engine_kit::{Host, Role, Script, located};
use rquickjs::{
    CatchResultExt, Context, Ctx, Function, Module, Object, Persistent, Runtime, Value,
    context::{EvalOptions, intrinsic},
};

use crate::{JavaScriptEngine, bridge::Bridge, exception};

/// What QuickJS may use of the stack before it throws. The stack in linear memory is Rust's default of 1 MiB, and the engine itself stands on it; the other stack
/// of WebAssembly, which grows along with it, has 2 MiB.
const STACK_BYTES: usize = 256 << 10;

/// What a script finds of the language: all but weak references and what browsers add.
type Language = (
    intrinsic::Date,
    intrinsic::Eval,
    intrinsic::RegExpCompiler,
    intrinsic::RegExp,
    intrinsic::Json,
    intrinsic::Proxy,
    intrinsic::MapSet,
    intrinsic::TypedArrays,
    intrinsic::Promise,
);

/// Loads a script: evaluates the file once, and keeps its function.
pub(crate) fn load(script: &Script, host: Rc<dyn Host>) -> Result<JavaScriptEngine, String> {
    let params = if script.params.is_empty() { "{}".to_owned() } else { script.params.clone() };
    let bridge = Rc::new(Bridge {
        host,
        params,
        config: script.plugin_config.clone(),
        calling: Cell::new(false),
        role: Cell::new(Role::BackupItem),
        said: RefCell::default(),
        numbers: RefCell::default(),
    });
    let memory = |_| "there is not enough memory for QuickJS".to_owned();
    let runtime = Runtime::new().map_err(memory)?;
    runtime.set_max_stack_size(STACK_BYTES);
    let context = Context::builder().with::<Language>().build(&runtime).map_err(memory)?;
    let (begin, function, takes_run) = context.with(|ctx| {
        let begin = prelude(&ctx, &bridge).catch(&ctx).map_err(|error| format!("prelude: {error}"))?;
        let function = evaluated(&ctx, script)?;
        let takes_run = function.get::<_, usize>("length").unwrap_or_default() > 1;
        Ok::<_, String>((Persistent::save(&ctx, begin), Persistent::save(&ctx, function), takes_run))
    })?;
    Ok(JavaScriptEngine {
        name: script.name.clone(),
        function,
        begin,
        takes_run,
        bridge,
        context,
        _runtime: runtime,
    })
}

/// Makes the globals; returns what begins a call.
fn prelude<'js>(ctx: &Ctx<'js>, bridge: &Rc<Bridge>) -> rquickjs::Result<Function<'js>> {
    let install: Function<'js> = ctx.eval(include_str!("prelude.js"))?;
    let host: Object<'js> = bridge.object(ctx)?;
    install.call((host,))
}

fn evaluated<'js>(ctx: &Ctx<'js>, script: &Script) -> Result<Function<'js>, String> {
    let Script { name, text, .. } = script;
    let value: rquickjs::Result<Value<'js>> = if has_default_export(text) {
        default_export(ctx, script)
    } else {
        let mut options = EvalOptions::default();
        options.filename = Some(name.clone());
        ctx.eval_with_options(text.as_str(), options)
    };
    let value = value.map_err(|error| exception::describe(name, ctx, error))?;
    value.into_function().ok_or_else(|| {
        located(name, None, "the last expression is no function: end the file with `(item, run) => { ... }`, or write `export default` before the function")
    })
}

/// A line that begins with it; `export` means nothing outside a module, so that other scripts have no such line.
fn has_default_export(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("export default"))
}

fn default_export<'js>(ctx: &Ctx<'js>, script: &Script) -> rquickjs::Result<Value<'js>> {
    let module = Module::declare(ctx.clone(), script.name.as_str(), script.text.as_str())?;
    let (module, promise) = module.eval()?;
    promise.finish::<()>()?;
    module.get("default")
}
