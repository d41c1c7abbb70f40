//! The one thing that QuickJS asks of an operating system, here where there is none.

use std::{cell::RefCell, rc::Rc};

use lateen_engine_kit::Host;

thread_local! {
    /// The host whose clock is shown; none while a script is loaded, which must not depend on the time.
    static HOST: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Runs `work` with this host's clock.
pub(crate) fn with<T>(host: &Rc<dyn Host>, work: impl FnOnce() -> T) -> T {
    HOST.set(Some(Rc::clone(host)));
    let result = work();
    HOST.set(None);
    result
}

/// Microseconds since 1970, 0 outside a call. QuickJS reads `Date` from it, and the seed of its hashes.
#[cfg(target_family = "wasm")]
// SAFETY: the name and the type are those that rquickjs declares for this target (wasm-shim/shim.c), and nothing else defines the name.
#[unsafe(no_mangle)]
extern "C" fn __rquickjs_host_now_us() -> f64 {
    HOST.with_borrow(|host| {
        // Milliseconds since 1970 fit a double until the year 287,396.
        #[expect(clippy::cast_precision_loss, reason = "see above")]
        host.as_ref().map_or(0.0, |host| host.now_ms() as f64 * 1000.0)
    })
}
