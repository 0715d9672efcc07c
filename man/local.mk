# Manual pages.

dist_man_MANS += man/countersign.1 man/countersign-enroll.1 \
	man/countersign.conf.5 man/countersignd.8
