/*
 * Sockets that the service manager opened: systemd's socket activation as
 * sd_listen_fds(3) describes it, without its library.  The supervisor takes
 * them and hands them to the web role alone, each time it starts it, so that
 * connections wait in their queue while that role is started again.
 */
#ifndef SRC_ACTIVATION_H
#define SRC_ACTIVATION_H

#define ACTIVATION_MAX 16

/*
 * The supervisor, before it opens anything: LISTEN_PID and LISTEN_FDS, which
 * it takes out of the environment.  How many there are.
 */
int activation_take(void);
/* Before the exec of a role: lets the sockets stay open in it. */
void activation_pass(void);

/* A role: that many were passed to it. */
void activation_adopt(int count);
int activation_count(void);
/* The i-th one; the caller may close it. */
int activation_fd(int i);

#endif
