//! What kind of place an IP address is, and which kinds a rule may reach.
//!
//! The table is the special-purpose registries of IANA (IPv4 and IPv6), plus
//! the metadata addresses of cloud providers. IPv6 is closed by default: what
//! is not in `2000::/3` and not named below is [`Reach::Reserved`].
//!
//! An address that carries another one is never taken at its word. An
//! IPv4-mapped address *is* the IPv4 address; one behind the well-known NAT64
//! prefix is as good as the IPv4 address inside, if that is public. Every
//! other carrier (6to4, Teredo, ISATAP, IPv4-compatible, local NAT64) is
//! [`Reach::Tunnel`] and refused, whatever it carries.
//!
//! Nothing here knows the host's own addresses: a service of the host that
//! listens on a public address is as reachable as any other public one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The kind of place an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Somewhere on the internet.
    Public,
    /// This machine.
    Loopback,
    /// A private network: RFC 1918, unique local, shared (CGNAT).
    Private,
    /// The link itself.
    LinkLocal,
    /// A cloud provider's metadata service, where credentials live.
    Metadata,
    /// Many hosts at once.
    Multicast,
    /// No address: `0.0.0.0/8` and `::`.
    Unspecified,
    /// Everyone on the link.
    Broadcast,
    /// For examples in texts.
    Documentation,
    /// For measurements between devices.
    Benchmarking,
    /// Carries another address to a relay.
    Tunnel,
    /// Set aside for something else, or for nothing yet.
    Reserved,
}

impl Reach {
    /// The kind of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => of_v4(v4),
            IpAddr::V6(v6) => of_v6(v6),
        }
    }

    /// Whether a rule may connect there. `private` is the rule's own flag,
    /// `named` says that the rule's host is this very address.
    pub fn is_open(self, private: bool, named: bool) -> bool {
        match self {
            Self::Public => true,
            Self::Loopback | Self::Private => private,
            Self::LinkLocal | Self::Metadata => private && named,
            Self::Multicast
            | Self::Unspecified
            | Self::Broadcast
            | Self::Documentation
            | Self::Benchmarking
            | Self::Tunnel
            | Self::Reserved => false,
        }
    }

    /// The kind in words, such as `a private address`.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Public => "a public address",
            Self::Loopback => "a loopback address",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::Metadata => "a metadata address",
            Self::Multicast => "a multicast address",
            Self::Unspecified => "no address at all",
            Self::Broadcast => "a broadcast address",
            Self::Documentation => "a documentation address",
            Self::Benchmarking => "a benchmarking address",
            Self::Tunnel => "a tunnel to another address",
            Self::Reserved => "a reserved address",
        }
    }
}

/// Metadata services that sit outside the link-local range, or whose address
/// must stay shut even where its range is open.
const METADATA_V4: [Ipv4Addr; 6] = [
    // AWS, Azure, Google Cloud, OpenStack, DigitalOcean and others.
    Ipv4Addr::new(169, 254, 169, 254),
    // Credentials of AWS ECS tasks and EKS pods.
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(169, 254, 170, 23),
    // Alibaba Cloud, inside the shared range.
    Ipv4Addr::new(100, 100, 100, 200),
    // Azure's wire server, inside public space.
    Ipv4Addr::new(168, 63, 129, 16),
    // Oracle Cloud's older endpoint.
    Ipv4Addr::new(192, 0, 0, 192),
];

const METADATA_V6: [Ipv6Addr; 3] = [
    // AWS instances and EKS pods.
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023),
    // Google Cloud.
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

fn of_v4(ip: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&ip) {
        return Reach::Metadata;
    }
    match ip.octets() {
        [0, ..] => Reach::Unspecified,
        [10, ..] | [192, 168, ..] => Reach::Private,
        [172, b, ..] if b & 0xf0 == 16 => Reach::Private,
        [100, b, ..] if b & 0xc0 == 64 => Reach::Private,
        [127, ..] => Reach::Loopback,
        [169, 254, ..] => Reach::LinkLocal,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Reach::Documentation,
        [198, 18 | 19, ..] => Reach::Benchmarking,
        // Protocol assignments, and the retired 6to4 relays.
        [192, 0, 0, _] | [192, 88, 99, _] => Reach::Reserved,
        [224..=239, ..] => Reach::Multicast,
        [255, 255, 255, 255] => Reach::Broadcast,
        [240..=255, ..] => Reach::Reserved,
        _ => Reach::Public,
    }
}

fn of_v6(ip: Ipv6Addr) -> Reach {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return of_v4(v4);
    }
    if METADATA_V6.contains(&ip) {
        return Reach::Metadata;
    }
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Reach::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Loopback,
        // IPv4-compatible (::a.b.c.d) and IPv4-translated (::ffff:0:a.b.c.d).
        [0, 0, 0, 0, 0, 0, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => Reach::Tunnel,
        [0x0064, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            match of_v4(Ipv4Addr::new(a, b, c, d)) {
                Reach::Public => Reach::Public,
                _ => Reach::Tunnel,
            }
        }
        [0x0064, 0xff9b, 1, ..] => Reach::Tunnel,
        [0xfe80..=0xfebf, ..] => Reach::LinkLocal,
        // Unique local, and the site-local range it replaced.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Reach::Private,
        [0xff00..=0xffff, ..] => Reach::Multicast,
        // ISATAP: the interface identifier carries an IPv4 address.
        [_, _, _, _, 0x0000 | 0x0200, 0x5efe, ..] => Reach::Tunnel,
        // Teredo, and 6to4.
        [0x2001, 0, ..] | [0x2002, ..] => Reach::Tunnel,
        [0x2001, 0x0002, 0, ..] => Reach::Benchmarking,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Documentation,
        // The rest of the protocol assignments, 2001::/23.
        [0x2001, 0..=0x01ff, ..] => Reach::Reserved,
        [0x2000..=0x3fff, ..] => Reach::Public,
        _ => Reach::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_is_known_from_its_first_to_its_last_address() {
        use Reach::*;
        let table: &[(Reach, &[&str])] = &[
            (
                Public,
                &[
                    "1.0.0.0",
                    "9.255.255.255",
                    "11.0.0.0",
                    "100.63.255.255",
                    "100.128.0.0",
                ],
            ),
            (
                Public,
                &[
                    "126.255.255.255",
                    "128.0.0.0",
                    "169.253.255.255",
                    "169.255.0.0",
                ],
            ),
            (
                Public,
                &[
                    "172.15.255.255",
                    "172.32.0.0",
                    "192.167.255.255",
                    "192.169.0.0",
                ],
            ),
            (
                Public,
                &[
                    "198.17.255.255",
                    "198.20.0.0",
                    "223.255.255.255",
                    "192.0.1.0",
                ],
            ),
            (
                Public,
                &[
                    "2000::",
                    "2001:200::",
                    "2606:4700::1111",
                    "3ffe:ffff::",
                    "2a00::1",
                ],
            ),
            (Public, &["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]),
            (
                Loopback,
                &["127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.1"],
            ),
            (
                Private,
                &["10.0.0.0", "10.255.255.255", "172.16.0.0", "172.31.255.255"],
            ),
            (
                Private,
                &[
                    "192.168.0.0",
                    "192.168.255.255",
                    "100.64.0.0",
                    "100.127.255.255",
                ],
            ),
            (
                Private,
                &["fc00::", "fdff:ffff::1", "fec0::1", "::ffff:10.0.0.1"],
            ),
            (
                LinkLocal,
                &["169.254.0.0", "169.254.255.255", "fe80::1", "febf::1"],
            ),
            (
                Metadata,
                &[
                    "169.254.169.254",
                    "169.254.170.2",
                    "169.254.170.23",
                    "100.100.100.200",
                ],
            ),
            (
                Metadata,
                &[
                    "168.63.129.16",
                    "192.0.0.192",
                    "fd00:ec2::254",
                    "fd00:ec2::23",
                ],
            ),
            (
                Metadata,
                &["fd20:ce::254", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe"],
            ),
            (
                Multicast,
                &["224.0.0.0", "239.255.255.255", "ff02::1", "ffff::1"],
            ),
            (
                Unspecified,
                &["0.0.0.0", "0.255.255.255", "::", "::ffff:0.0.0.0"],
            ),
            (Broadcast, &["255.255.255.255"]),
            (
                Documentation,
                &[
                    "192.0.2.1",
                    "198.51.100.1",
                    "203.0.113.255",
                    "2001:db8::1",
                    "3fff::1",
                ],
            ),
            (Benchmarking, &["198.18.0.0", "198.19.255.255", "2001:2::1"]),
            (
                Reserved,
                &["240.0.0.0", "255.255.255.254", "192.0.0.8", "192.88.99.1"],
            ),
            (
                Reserved,
                &[
                    "100::1",
                    "2001:10::1",
                    "2001:20::1",
                    "4000::",
                    "5f00::1",
                    "fe00::1",
                ],
            ),
            (
                Tunnel,
                &[
                    "::127.0.0.1",
                    "::2",
                    "::ffff:0:127.0.0.1",
                    "64:ff9b::127.0.0.1",
                ],
            ),
            (
                Tunnel,
                &[
                    "64:ff9b::10.0.0.1",
                    "64:ff9b::a9fe:a9fe",
                    "64:ff9b:1::8.8.8.8",
                ],
            ),
            (
                Tunnel,
                &[
                    "2002:7f00:1::",
                    "2002:808:808::1",
                    "2001::1",
                    "2001:0:7f00:1::",
                ],
            ),
            (Tunnel, &["2a00::5efe:7f00:1", "2a00::200:5efe:a00:1"]),
        ];
        for (reach, addresses) in table {
            for address in *addresses {
                let ip = address.parse().expect("an address");
                assert_eq!(Reach::of(ip), *reach, "{address}");
            }
        }
    }

    #[test]
    fn flags_open_what_they_say_and_nothing_else() {
        use Reach::*;
        assert!(Public.is_open(false, false));
        for reach in [Loopback, Private] {
            assert!(reach.is_open(true, false) && !reach.is_open(false, true));
        }
        for reach in [LinkLocal, Metadata] {
            assert!(!reach.is_open(true, false) && !reach.is_open(false, true));
            assert!(reach.is_open(true, true));
        }
        for reach in [
            Multicast,
            Unspecified,
            Broadcast,
            Documentation,
            Benchmarking,
            Tunnel,
            Reserved,
        ] {
            assert!(!reach.is_open(true, true), "{reach:?}");
        }
    }
}
