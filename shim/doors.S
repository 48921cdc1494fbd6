/* The doors (doors.h), and the hooks that cannot be written in C, because they must jump to libc's function with the
 * caller's stack and arguments unchanged.
 *
 * 	door NAME            defines the exported name: a jump to the address in slot_NAME, at first that of hook_NAME
 * 	lookout HOOK, LOOK   defines HOOK: it calls the C function LOOK(arguments), and jumps to the address that this
 * 	                     returns; if that is NULL, LOOK has made the call and put its result in arguments[0], and
 * 	                     HOOK returns it
 *
 * `arguments` points to the integer arguments that registers hold, in order; on i386 and arm those on the caller's
 * stack follow. */
#include "doors.h"
#ifdef __CET__ /* the ELF note that declares support for it */
#include <cet.h>
#endif
#if DOORS
#include "old.h"

#ifdef __arm__
#define FUNCTION %function
#define PROGBITS %progbits
#else
#define FUNCTION @function
#define PROGBITS @progbits
#endif

#if __SIZEOF_POINTER__ == 8
#define ADDRESS .quad
#define ALIGNED .p2align 3
#else
#define ADDRESS .long
#define ALIGNED .p2align 2
#endif

	.macro begin name
	.p2align 4
	.type \name, FUNCTION
\name:
	.cfi_startproc
	.endm

	.macro end name
	.cfi_endproc
	.size \name, . - \name
	.endm

#if defined __x86_64__

	.macro jump_through slot
	endbr64
	jmpq *\slot(%rip)
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	endbr64
	subq $56, %rsp
	.cfi_adjust_cfa_offset 56
	movq %rdi, (%rsp)
	movq %rsi, 8(%rsp)
	movq %rdx, 16(%rsp)
	movq %rcx, 24(%rsp)
	movq %r8, 32(%rsp)
	movq %r9, 40(%rsp)
	movq %rsp, %rdi
	call \look
	movq %rax, %r11
	movq (%rsp), %rdi
	movq 8(%rsp), %rsi
	movq 16(%rsp), %rdx
	movq 24(%rsp), %rcx
	movq 32(%rsp), %r8
	movq 40(%rsp), %r9
	addq $56, %rsp
	.cfi_adjust_cfa_offset -56
	movq %rdi, %rax
	testq %r11, %r11
	jz 1f
	jmpq *%r11
1:	ret
	end \hook
	.endm

#elif defined __i386__

	.macro jump_through slot
	endbr32
	call door_here
	jmpl *\slot - .(%eax)
	.endm

	.type door_here, FUNCTION
door_here:
	.cfi_startproc
	movl (%esp), %eax
	ret
	.cfi_endproc

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	endbr32
	leal 4(%esp), %eax
	subl $24, %esp
	.cfi_adjust_cfa_offset 24
	pushl %eax
	.cfi_adjust_cfa_offset 4
	call \look
	addl $28, %esp
	.cfi_adjust_cfa_offset -28
	testl %eax, %eax
	jz 1f
	jmpl *%eax
1:	movl 4(%esp), %eax
	ret
	end \hook
	.endm

#elif defined __aarch64__

	.macro jump_through slot
	hint #34 /* bti c */
	adrp x16, \slot
	ldr x16, [x16, #:lo12:\slot]
	br x16
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	hint #34
	stp x29, x30, [sp, #-80]!
	.cfi_def_cfa_offset 80
	.cfi_offset 29, -80
	.cfi_offset 30, -72
	mov x29, sp
	stp x0, x1, [sp, #16]
	stp x2, x3, [sp, #32]
	stp x4, x5, [sp, #48]
	stp x6, x7, [sp, #64]
	add x0, sp, #16
	bl \look
	mov x16, x0
	ldp x0, x1, [sp, #16]
	ldp x2, x3, [sp, #32]
	ldp x4, x5, [sp, #48]
	ldp x6, x7, [sp, #64]
	ldp x29, x30, [sp], #80
	.cfi_restore 29
	.cfi_restore 30
	.cfi_def_cfa_offset 0
	cbz x16, 1f
	br x16
1:	ret
	end \hook
	.endm

#elif defined __arm__

	.syntax unified
	.arm
	.macro jump_through slot
	ldr ip, 1f
0:	ldr pc, [pc, ip]
1:	.word \slot - (0b + 8)
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	push {r0, r1, r2, r3}
	.cfi_adjust_cfa_offset 16
	mov r0, sp
	push {r4, lr}
	.cfi_adjust_cfa_offset 8
	.cfi_offset 14, -20
	bl \look
	mov ip, r0
	pop {r4, lr}
	.cfi_adjust_cfa_offset -8
	.cfi_restore 14
	pop {r0, r1, r2, r3}
	.cfi_adjust_cfa_offset -16
	cmp ip, #0
	bxne ip
	bx lr
	end \hook
	.endm

#elif defined __riscv

	.macro jump_through slot
	ld t1, \slot
	jr t1
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	addi sp, sp, -80
	.cfi_def_cfa_offset 80
	sd ra, 72(sp)
	.cfi_offset 1, -8
	sd a0, 0(sp)
	sd a1, 8(sp)
	sd a2, 16(sp)
	sd a3, 24(sp)
	sd a4, 32(sp)
	sd a5, 40(sp)
	sd a6, 48(sp)
	sd a7, 56(sp)
	mv a0, sp
	call \look
	mv t1, a0
	ld a0, 0(sp)
	ld a1, 8(sp)
	ld a2, 16(sp)
	ld a3, 24(sp)
	ld a4, 32(sp)
	ld a5, 40(sp)
	ld a6, 48(sp)
	ld a7, 56(sp)
	ld ra, 72(sp)
	.cfi_restore 1
	addi sp, sp, 80
	.cfi_def_cfa_offset 0
	beqz t1, 1f
	jr t1
1:	ret
	end \hook
	.endm

#elif defined __powerpc64__

	.abiversion 2
	/* At the entry r12 holds the function's own address, and r2, the pointer to the table of contents, is still the
	 * caller's. */
	.macro jump_through slot
0:	addis 2, 12, .TOC. - 0b@ha
	addi 2, 2, .TOC. - 0b@l
	addis 12, 2, \slot@toc@ha
	ld 12, \slot@toc@l(12)
	mtctr 12
	bctr
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
0:	addis 2, 12, .TOC. - 0b@ha
	addi 2, 2, .TOC. - 0b@l
	mflr 0
	std 0, 16(1)
	.cfi_offset 65, 16
	stdu 1, -176(1)
	.cfi_def_cfa_offset 176
	std 3, 96(1)
	std 4, 104(1)
	std 5, 112(1)
	std 6, 120(1)
	std 7, 128(1)
	std 8, 136(1)
	std 9, 144(1)
	std 10, 152(1)
	addi 3, 1, 96
	bl \look
	nop
	mr 12, 3
	ld 3, 96(1)
	ld 4, 104(1)
	ld 5, 112(1)
	ld 6, 120(1)
	ld 7, 128(1)
	ld 8, 136(1)
	ld 9, 144(1)
	ld 10, 152(1)
	addi 1, 1, 176
	.cfi_def_cfa_offset 0
	ld 0, 16(1)
	mtlr 0
	.cfi_restore 65
	cmpdi 12, 0
	beqlr
	mtctr 12
	bctr
	end \hook
	.endm

#elif defined __s390x__

	.macro jump_through slot
	larl %r1, \slot
	lg %r1, 0(%r1)
	br %r1
	.endm

	.macro lookout hook look
	.globl \hook
	.hidden \hook
	begin \hook
	stg %r14, 112(%r15)
	.cfi_offset 14, -48
	lay %r15, -208(%r15)
	.cfi_def_cfa_offset 368
	stmg %r2, %r6, 160(%r15)
	mvc 200(8, %r15), 368(%r15) /* the sixth argument lies on the caller's stack */
	la %r2, 160(%r15)
	brasl %r14, \look
	lgr %r1, %r2
	lmg %r2, %r6, 160(%r15)
	la %r15, 208(%r15)
	.cfi_def_cfa_offset 160
	lg %r14, 112(%r15)
	.cfi_restore 14
	ltgr %r1, %r1
	bzr %r14
	br %r1
	end \hook
	.endm

#endif

	/* The slots are an array, in the order of struct real (real.h). */
	.pushsection .data.rel.local, "aw", PROGBITS
	ALIGNED
	.globl slot_first
	.hidden slot_first
slot_first:
	.popsection

	.macro slot name
	.pushsection .data.rel.local, "aw", PROGBITS
	ALIGNED
	.globl slot_\name
	.hidden slot_\name
slot_\name:
	ADDRESS hook_\name
	.popsection
	.endm

	.macro door name
	slot \name
	.globl \name
	begin \name
	jump_through slot_\name
	end \name
	.endm

	/* A door for an older version of a name. The label door_HOOK is for the assembler only, and is not exported. */
	.macro old_door name hook version
	slot \hook
	.globl door_\hook
	begin door_\hook
	jump_through slot_\hook
	end door_\hook
	.symver door_\hook, \name@\version
	.endm

	.text
#define HOOK(name) door name;
#include "hooks.def"
#define X(name, hook, version) old_door name, hook, version;
OLD_VERSIONS(X)
#undef X

	/* dlopen() takes the search path for a library from its caller, which it finds by the return address. The child
	 * of a clone by number returns on another stack, or (vfork) on its parent's: no hook's frame may lie there. */
	lookout hook_dlopen, look_dlopen
	lookout hook_dlmopen, look_dlmopen
	lookout hook_syscall, look_syscall
#define X(hook) lookout hook_##hook, look_##hook;
OLD_dlopen(X)
OLD_dlmopen(X)

#endif
#ifdef __arm__
	.section .note.GNU-stack, "", %progbits
#else
	.section .note.GNU-stack, "", @progbits
#endif
