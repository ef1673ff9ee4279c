package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// createWithin is the time that making or dropping a database may take.
const createWithin = 60 * time.Second

// cluster is the test process's PostgreSQL.
type cluster struct {
	addr string       // host:port
	made atomic.Int64 // databases so far; numbers their names
}

// Postgres returns the data source name of a new, empty database, dropped when
// the test ends, with whoever is still connected. The cluster behind it is shared
// by the test process (see Main) and does not sync to disk.
func Postgres(tb testing.TB) (dsn string) {
	tb.Helper()
	if common == nil {
		tb.Fatal(errNoMain)
	}
	c, err := common.postgres()
	if err != nil {
		tb.Fatal(err)
	}
	name := fmt.Sprintf("test_%d", c.made.Add(1))
	if err := c.exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Error(err)
		}
	})
	return c.dsn(name)
}

// PostgresServer is a PostgreSQL of one test, which may stop and kill it.
type PostgresServer struct {
	*Server
	DSN string // of an empty database
}

// OwnPostgres starts a cluster of the test's own. A test that does not stop it
// wants Postgres, which is cheaper.
func OwnPostgres(tb testing.TB) PostgresServer {
	tb.Helper()
	return Place{}.postgres(tb, quick)
}

// Postgres is OwnPostgres at the place.
func (p Place) Postgres(tb testing.TB) PostgresServer {
	tb.Helper()
	return p.postgres(tb, quick)
}

// DurablePostgres is OwnPostgres with a server that syncs each commit to disk, as
// in production: for what is measured.
func DurablePostgres(tb testing.TB) PostgresServer {
	tb.Helper()
	return Place{}.postgres(tb, nil)
}

// quick are settings under which a crash of the machine may lose the data, which
// no test outlives.
var quick = []string{"-c", "fsync=off", "-c", "full_page_writes=off"}

func (p Place) postgres(tb testing.TB, settings []string) PostgresServer {
	tb.Helper()
	initdb, errInit := find("initdb", "/usr/lib/postgresql/*/bin")
	owner, errOwner := postgresOwner()
	dir, errDir := tempDir("postgres", tb.Cleanup)
	if err := errors.Join(errInit, errOwner, errDir); err != nil {
		tb.Fatal(err)
	}
	data, err := initCluster(initdb, dir, owner)
	if err != nil {
		tb.Fatal(err)
	}
	if p.IP != "" { // whoever reaches it may log in, as on loopback
		if err := allowAll(data); err != nil {
			tb.Fatal(err)
		}
	}
	server, port := open(tb, func(port int) command { return serveCluster(p, initdb, dir, data, port, owner, settings...) })
	return PostgresServer{Server: server, DSN: (&cluster{addr: p.addr(port)}).dsn("postgres")}
}

func (c *cluster) dsn(database string) string {
	return fmt.Sprintf("postgres://postgres@%s/%s?sslmode=disable", c.addr, database)
}

// exec runs one statement as the superuser.
func (c *cluster) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), createWithin)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.dsn("postgres"))
	if err != nil {
		return fmt.Errorf("run %q: %w", statement, err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("run %q: %w", statement, err)
	}
	return nil
}

func startCluster(h *house) (*cluster, error) {
	initdb, errInit := find("initdb", "/usr/lib/postgresql/*/bin")
	owner, errOwner := postgresOwner()
	dir, errDir := tempDir("postgres", h.atEnd)
	if err := errors.Join(errInit, errOwner, errDir); err != nil {
		return nil, err
	}
	data, err := initCluster(initdb, dir, owner)
	if err != nil {
		return nil, err
	}
	p, port, err := boot(func(port int) command { return serveCluster(Place{}, initdb, dir, data, port, owner, quick...) })
	if err != nil {
		return nil, err
	}
	h.atEnd(p.stop)
	return &cluster{addr: loopback(port)}, nil
}

// initCluster makes the cluster's files in dir and returns their folder.
func initCluster(initdb, dir string, owner *syscall.Credential) (string, error) {
	if owner != nil {
		if err := os.Chown(dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return "", fmt.Errorf("give the cluster's folder to its user: %w", err)
		}
	}
	data := filepath.Join(dir, "data")
	cmd := exec.Command(initdb, "-D", data, "-U", "postgres",
		"--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{Credential: owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return data, nil
}

// serveCluster describes the server. It is started without pg_ctl, whose child
// would not be ours. SIGINT is PostgreSQL's "fast" end: it waits for no client.
func serveCluster(p Place, initdb, dir, data string, port int, owner *syscall.Credential, settings ...string) command {
	return command{
		name: "postgres", path: beside(initdb, "postgres"), dir: dir,
		args: append([]string{
			"-D", data, "-p", strconv.Itoa(port),
			"-c", "listen_addresses=" + strings.Join(p.listens(), ","), "-c", "unix_socket_directories=", "-c", "max_connections=200",
		}, settings...),
		owner: owner, place: p,
		quit:  syscall.SIGINT,
		ready: func(ctx context.Context, _ int) error { return clusterReady(ctx, p.addr(port), data) },
	}
}

// clusterReady asks the PostgreSQL at port whether it serves these files.
func clusterReady(ctx context.Context, addr string, data string) error {
	conn, err := pgx.Connect(ctx, (&cluster{addr: addr}).dsn("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var served string
	if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory')").Scan(&served); err != nil {
		return err
	}
	if served != data {
		return fmt.Errorf("another PostgreSQL has %s", addr)
	}
	return nil
}

// allowAll lets every address in without a password.
func allowAll(data string) error {
	file, err := os.OpenFile(filepath.Join(data, "pg_hba.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("let others in: %w", err)
	}
	_, err = file.WriteString("host all all all trust\n")
	return errors.Join(err, file.Close())
}

// postgresOwner returns whom the cluster runs as: PostgreSQL refuses root, so
// root hands it to the user that the package made; anybody else runs it himself.
// Changing the user in the fork, not through setpriv, keeps the parent-death
// signal, which the kernel forgets when credentials change.
func postgresOwner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL can't run as root: %w: run `make deps`", err)
	}
	uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
	gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(errUID, errGID)
}

// PostgresTool returns the path of a program that comes with PostgreSQL, such as
// pg_dump.
func PostgresTool(tb testing.TB, name string) string {
	tb.Helper()
	initdb, err := find("initdb", "/usr/lib/postgresql/*/bin")
	if err != nil {
		tb.Fatal(err)
	}
	path, err := exec.LookPath(beside(initdb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return path
}

// beside returns the path of one of PostgreSQL's programs. They are beside initdb,
// which may be a link in the PATH: beside what it points to.
func beside(initdb, name string) string {
	if real, err := filepath.EvalSymlinks(initdb); err == nil {
		initdb = real
	}
	return filepath.Join(filepath.Dir(initdb), name)
}
