//! Free ports of 127.0.0.1.
//!
//! A port that is free now can be taken a moment later: whoever uses one of these must be ready to lose it and ask again.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};

/// `N` different ports that nobody listens on.
pub fn free<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    // All are held until all are known, so that they differ.
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Whether somebody listens on a port.
pub fn is_open(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn ports_differ_and_are_free() {
        let ports: [u16; 8] = super::free().unwrap();
        assert_eq!(BTreeSet::from(ports).len(), 8);
    }
}
