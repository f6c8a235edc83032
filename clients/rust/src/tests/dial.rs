use std::env::temp_dir;
use std::fs::{create_dir, remove_dir_all, set_permissions, write, Permissions};
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::process;

use crate::dial::{current_uid, is_foreign, places};

/// The paths for an environment, with a mark at those whose directory must belong to the user.
fn found(environment: &[(&str, &str)], uid: Option<u32>) -> Vec<String> {
    let variable =
        |name: &str| environment.iter().find(|(other, _)| *other == name).map(|(_, value)| (*value).into());
    let mark = |owner: Option<u32>| owner.map_or(String::new(), |uid| format!(" of {uid}"));
    let places = places(variable, uid).into_iter();
    places.map(|place| format!("{}{}", place.path.display(), mark(place.owner))).collect()
}

#[test]
fn looks_for_the_daemon_in_the_order_of_the_wire() {
    let machine = ["/run/chimed/chimed.sock", "/run/chimed/daemon/chimed.sock"];
    let user = "/run/user/7/chimed/chimed.sock of 7";
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<u32>, &'a [&'a str]);
    let cases: [Case; 8] = [
        (&[("CHIMED_SOCKET_PATH", "/s"), ("XDG_RUNTIME_DIR", "/x")], Some(7), &["/s"]),
        (&[("CHIMED_SOCKET_PATH", "/s")], Some(0), &["/s"]),
        (&[], Some(7), &[user, "/tmp/chimed-7/chimed.sock of 7"]),
        (&[("CHIMED_SOCKET_PATH", ""), ("TMPDIR", "")], Some(7), &[user, "/tmp/chimed-7/chimed.sock of 7"]),
        (
            &[("XDG_RUNTIME_DIR", "/x"), ("TMPDIR", "/t/")],
            Some(7),
            &["/x/chimed/chimed.sock of 7", user, "/t/chimed-7/chimed.sock of 7"],
        ),
        (&[("XDG_RUNTIME_DIR", "/run/user/7")], Some(7), &[user, "/tmp/chimed-7/chimed.sock of 7"]),
        (&[("XDG_RUNTIME_DIR", "/x"), ("TMPDIR", "/t")], Some(0), &[]),
        (&[("XDG_RUNTIME_DIR", "/x")], None, &[]),
    ];
    for (environment, uid, own) in cases {
        let is_told = environment
            .first()
            .map_or(false, |(name, path)| *name == "CHIMED_SOCKET_PATH" && !path.is_empty());
        let expected = if is_told { own.to_vec() } else { [own, &machine].concat() };
        assert_eq!(found(environment, uid), expected, "{environment:?} {uid:?}");
    }
}

#[test]
fn knows_the_user_of_this_process() {
    assert_eq!(current_uid(), Some(std::fs::metadata("/proc/self").unwrap().uid()));
}

#[test]
fn trusts_only_a_directory_that_others_cannot_write_to() {
    let base = temp_dir().join(format!("chimed-rust-{}", process::id()));
    let uid = current_uid().unwrap();
    let (directory, link, file) = (base.join("directory"), base.join("link"), base.join("file"));
    create_dir(&base).unwrap();
    create_dir(&directory).unwrap();
    symlink(&directory, &link).unwrap();
    write(&file, "").unwrap();
    let with = |mode: u32, uid: u32| {
        set_permissions(&directory, Permissions::from_mode(mode)).unwrap();
        is_foreign(&directory, uid)
    };
    let results =
        [with(0o700, uid), with(0o755, uid), with(0o700, uid + 1), with(0o775, uid), with(0o757, uid)];
    let others = [is_foreign(&link, uid), is_foreign(&file, uid), is_foreign(&base.join("none"), uid)];
    remove_dir_all(&base).unwrap();
    assert_eq!(results, [false, false, true, true, true]);
    assert_eq!(others, [true, true, false], "a link, a file, and what does not exist");
}
