//! An agent that tries to get out, up or at the wire. Each line of the script
//! prints what it achieved.

use crate::rig::{finish, shell, with};
use sortie_sandbox::ExitStatus;

#[tokio::test(flavor = "multi_thread")]
async fn from_inside_there_is_no_way_out_or_up() {
    with(|_| {}, |rig| async move {
        let workspace = rig.launch(1).await;
        let script = r#"
            echo "networks: $(ls /sys/class/net | tr '\n' ' ')"
            echo "routes: $(tail -n +2 /proc/net/route | wc -l)"
            echo "user: $(id -u):$(id -g) groups: $(id -G)"
            grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\t' ' '
            touch /intruder 2>/dev/null && echo "wrote to /"
            touch /usr/local/bin/x /etc/x /home/x 2>/dev/null && echo "wrote to the root file system"
            mount -t tmpfs none /mnt 2>/dev/null && echo mounted
            mount -o remount,rw / 2>/dev/null && echo remounted
            mknod /tmp/sda b 8 0 2>/dev/null && echo "made a device"
            unshare -Ur true 2>/dev/null && echo "made a user namespace"
            setpriv --reuid 0 true 2>/dev/null && echo "became root"
            chroot / true 2>/dev/null && echo chrooted
            echo 1 2>/dev/null > /proc/sys/kernel/panic && echo "wrote a kernel setting"
            echo b 2>/dev/null > /proc/sysrq-trigger && echo "pressed a key"
            head -c 1 /dev/mem /dev/sda /dev/kmsg 2>/dev/null && echo "read a device"
            find / -xdev -perm /6000 -type f 2>/dev/null | grep . && echo "found a setuid file"
            find / -name '*.sock' -not -path '/proc/*' 2>/dev/null | grep . && echo "found a socket"
            kill -9 1 2>/dev/null; kill -STOP 1 2>/dev/null
            timeout 3 bash -c 'echo > /dev/tcp/192.0.2.1/80' 2>/dev/null && echo "reached the world"
            echo "core: $(ulimit -c)"
            echo "mounts: $(grep -cE ' (/work|/tmp|/run) ' /proc/self/mounts)"
            grep -E '^/dev/[a-z]' /proc/self/mounts | grep -vE ' (/work|/etc/(resolv.conf|hostname|hosts)) '
            echo "credentials in the environment: $(env | grep -ciE 'token|secret|passw|api_key|credential')"
            true"#;
        let (said, exit) = finish(&mut workspace.start(shell("attack", script)).await.unwrap()).await;
        assert_eq!(exit.status, ExitStatus::Code(0), "{said}");
        let zero = "0000000000000000";
        let wanted = format!(
            "networks: lo \nroutes: 0\nuser: 1000:1000 groups: 1000\nCapInh: {zero}\nCapPrm: {zero}\nCapEff: {zero}\n\
             CapBnd: {zero}\nCapAmb: {zero}\nNoNewPrivs: 1\nSeccomp: 2\ncore: 0\nmounts: 3\ncredentials in the environment: 0\n"
        );
        assert_eq!(said, wanted);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_runner_cannot_be_read_or_spoken_to() {
    with(|_| {}, |rig| async move {
        drop(rig.launch(1).await);
        // Adopted, so that a bridge is there to be attacked as well.
        let workspace = rig.adopt(1, 2).await;
        let script = r#"
            for p in /proc/[0-9]*; do
                p=${p#/proc/}; [ $p = $$ ] && continue
                case "$(tr '\0' ' ' < /proc/$p/cmdline)" in */sortie-runner*) ;; *) continue;; esac
                echo "a runner"
                for f in environ maps mem auxv stack syscall io; do
                    head -c 1 /proc/$p/$f >/dev/null 2>&1 && echo "read $f of $p"
                done
                ls /proc/$p/fd >/dev/null 2>&1 && echo "listed descriptors of $p"
                readlink /proc/$p/exe >/dev/null && echo "followed exe of $p"
                echo 0 2>/dev/null > /proc/$p/oom_score_adj && echo "changed $p"
            done
            grep -c sortie-wire /proc/net/unix
            echo "bytes from the socket: $(sleep 2 | timeout 10 sortie-runner wire 2>/dev/null | wc -c)"
        "#;
        let (said, _) = finish(&mut workspace.start(shell("attack", script)).await.unwrap()).await;
        let mut lines = said.lines().collect::<Vec<_>>();
        assert_eq!(lines.pop(), Some("bytes from the socket: 0"), "{said}");
        let listed: u32 = lines.pop().unwrap().parse().unwrap();
        assert!(listed >= 1, "the socket is there to be tried: {said}");
        assert_eq!(lines, ["a runner", "a runner"], "PID 1 and the bridge, nothing read: {said}");
        workspace.status().await.unwrap();
    })
    .await;
}
