//go:build deploycheck

package check

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"rawlink/internal/testsystem"
)

// topology is the compose file's services as processes.
type topology struct {
	t       *testing.T
	config  *composed
	net     *network
	dir     string
	secrets string
	running map[string]*exec.Cmd
	logs    map[string]*bytes.Buffer
}

// start starts a command in a service's namespace and ends it with the test.
func (p *topology) start(name string, cmd *exec.Cmd) {
	p.t.Helper()
	log := &bytes.Buffer{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", name, err)
	}
	p.running[name], p.logs[name] = cmd, log
	p.t.Cleanup(func() {
		p.stop(name, syscall.SIGTERM)
		if p.t.Failed() {
			p.t.Logf("the end of %s's log:\n%s", name, log.Bytes()[max(0, log.Len()-800):])
		}
	})
}

// stop ends a service and returns when it has ended.
func (p *topology) stop(name string, signal syscall.Signal) {
	cmd := p.running[name]
	if cmd == nil {
		return
	}
	delete(p.running, name)
	_ = syscall.Kill(-cmd.Process.Pid, signal)
	kill := time.AfterFunc(20*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer kill.Stop()
	_ = cmd.Wait()
}

// folder makes a folder for a service.
func (p *topology) folder(name string) string {
	dir := filepath.Join(p.dir, name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		p.t.Fatal(err)
	}
	_ = os.Chmod(dir, 0o777)
	return dir
}

// env is a service's environment, with folders of this test.
func env(s *service, pairs ...string) []string {
	move := strings.NewReplacer(pairs...)
	var all []string
	for name, value := range s.Environment {
		all = append(all, name+"="+move.Replace(value))
	}
	return all
}

func (p *topology) postgres() {
	s, dir := p.config.Services["postgres"], p.folder("postgres")
	bins, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	bin := bins[len(bins)-1]
	as := []string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"}
	data := filepath.Join(dir, "data")
	run := func(args ...string) {
		if out, err := p.net.command("postgres", nil, append(as, args...)...).CombinedOutput(); err != nil {
			p.t.Fatalf("%s: %v\n%s", args[0], err, out)
		}
	}
	user := s.Environment["POSTGRES_USER"]
	run(bin+"/initdb", "-D", data, "-U", user, "--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile="+p.secrets+"/postgres_password", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	hba, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	fmt.Fprintln(hba, "host all all all scram-sha-256")
	hba.Close()
	args := append(as, bin+"/postgres", "-D", data, "-k", dir, "-c", "listen_addresses=*")
	p.start("postgres", p.net.command("postgres", nil, append(args, s.Command[1:]...)...))
	testsystem.Until(p.t, 60*time.Second, "postgres", func() error {
		return p.net.command("postgres", nil, bin+"/createdb", "-h", dir, "-U", user, s.Environment["POSTGRES_DB"]).Run()
	})
}

func (p *topology) redis() {
	for _, name := range []string{"redis-primary", "redis-replica"} {
		dir := p.folder(name)
		conf := moved(p.t, "../compose/redis/redis.conf", filepath.Join(dir, "redis.conf"), "/data", dir)
		p.start(name, p.net.command(name, []string{"REDIS_CONF=" + conf, "REDIS_PASSWORD_FILE=" + p.secrets + "/redis_password"},
			append([]string{"sh", "../compose/redis/redis.sh"}, p.config.Services[name].Command[2:]...)...))
	}
	for i := range 3 {
		name := fmt.Sprintf("sentinel-%d", i+1)
		p.start(name, p.net.command(name, []string{"SENTINEL_CONF=../compose/redis/sentinel.conf", "SENTINEL_DIR=" + p.folder(name), "REDIS_PASSWORD_FILE=" + p.secrets + "/redis_password"},
			"sh", "../compose/redis/sentinel.sh"))
	}
	// Without a replica that keeps up the primary takes no writes, and revocations
	// are as late as with no bus at all.
	testsystem.Until(p.t, 30*time.Second, "a replica that keeps up", func() error {
		return p.replication("redis-primary", "min_slaves_good_slaves:1")
	})
}

// replication fails unless a Redis says this of its replication.
func (p *topology) replication(name, want string) error {
	password := strings.TrimSpace(read(p.t, p.secrets+"/redis_password"))
	out, err := p.net.command(name, []string{"REDISCLI_AUTH=" + password}, "redis-cli", "info", "replication").Output()
	if err == nil && !strings.Contains(string(out), want) {
		err = fmt.Errorf("%s does not say %s", name, want)
	}
	return err
}

func (p *topology) store() {
	s := p.config.Services["s3"]
	p.start("s3", p.net.command("s3", append(env(s, "/data", p.folder("s3")), "S3_SECRET_FILE="+p.secrets+"/s3_secret_key"), "sh", "../compose/s3.sh"))
}

// eicar is a signature of the text that every virus scanner knows, in hex.
const eicar = "Test.Eicar:0:0:58354f2150254041505b345c505a58353428505e2937434329377d2445494341522d5354414e444152442d414e544956495255532d544553542d46494c452124482b482a\n"

func (p *topology) clamd() {
	dir := p.folder("clamd")
	conf := moved(p.t, "../compose/clamd.conf", filepath.Join(dir, "clamd.conf"), "/var/lib/clamav", dir, "/tmp", dir)
	if err := os.WriteFile(filepath.Join(dir, "test.ndb"), []byte(eicar), 0o644); err != nil {
		p.t.Fatal(err)
	}
	p.start("clamd", p.net.command("clamd", nil, "clamd", "-c", conf))
}

func (p *topology) caddy() {
	s, dir := p.config.Services["caddy"], p.folder("caddy")
	p.start("caddy", p.net.command("caddy", append(env(s), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir),
		"caddy", "run", "--config", "../compose/Caddyfile", "--adapter", "caddyfile"))
}

func (p *topology) prometheus() {
	dir := p.folder("prometheus")
	move := strings.NewReplacer("/etc/prometheus/", "../prometheus/", "=/prometheus", "="+dir)
	args := []string{"prometheus"}
	for _, arg := range p.config.Services["prometheus"].Command {
		args = append(args, move.Replace(arg))
	}
	p.start("prometheus", p.net.command("prometheus", nil, args...))
}

// rawlink starts one of our own services: as its image would, by its user, in its
// own file system.
func (p *topology) rawlink(name string) {
	p.start(name, p.container(name))
}

func (p *topology) container(name string, args ...string) *exec.Cmd {
	s := p.config.Services[name]
	img := stage(p.t, s.Build.Target)
	root := filepath.Join(p.dir, "root-"+name)
	if _, err := os.Stat(root); err != nil {
		img.unpack(p.t, root, p.secrets, p.net.hosts, s)
	}
	settings := append(append([]string{}, img.env...), env(s)...)
	chroot := []string{"chroot", "--userspec=" + img.user, root}
	if args == nil {
		args = img.entrypoint
	}
	return p.net.command(name, settings, append(chroot, args...)...)
}

// healthy waits until the image's own check says that the service is well.
func (p *topology) healthy(name string) {
	p.t.Helper()
	check := stage(p.t, p.config.Services[name].Build.Target).health
	testsystem.Until(p.t, 60*time.Second, "health of "+name, func() error {
		out, err := p.container(name, check...).CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	})
}
