"""People, the audit trail, and what protects sign-in."""

import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import identity.time_zones
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('email', models.EmailField(max_length=254, unique=True, verbose_name='e-mail address')),
                ('name', models.CharField(blank=True, max_length=150, verbose_name='name')),
                ('language', models.CharField(blank=True, max_length=10, verbose_name='language')),
                ('time_zone', models.CharField(blank=True, max_length=64, validators=[identity.time_zones.validate_time_zone], verbose_name='time zone')),
                ('is_active', models.BooleanField(default=True, help_text='People who are not active cannot sign in and are signed out at once.', verbose_name='active')),
                ('is_staff', models.BooleanField(default=False, help_text='May enter the admin.', verbose_name='operator')),
                ('session_epoch', models.PositiveIntegerField(default=0, editable=False)),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name='joined')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
                'permissions': [('take_over_user', 'Can set passwords and e-mail addresses of users')],
                'constraints': [models.CheckConstraint(condition=models.Q(('email', django.db.models.functions.text.Lower('email'))), name='identity_user_email_lower')],
            },
        ),
        migrations.CreateModel(
            name='AccessPolicy',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False)),
                ('signup_open', models.BooleanField(default=True, help_text='Invited people can always create an account through their link.', verbose_name='anyone may sign up')),
            ],
            options={
                'verbose_name': 'access policy',
                'verbose_name_plural': 'access policy',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='identity_policy_single')],
            },
        ),
        migrations.CreateModel(
            name='AuditRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now, verbose_name='when')),
                ('action', models.CharField(choices=[('signed_in', 'signed in'), ('sign_in_failed', 'sign-in failed'), ('locked_out', 'locked out'), ('unlocked', 'unlocked'), ('signed_out', 'signed out'), ('signed_out_others', 'signed out everywhere else'), ('signed_up', 'signed up'), ('token_reused', 'used a spent refresh token'), ('password_changed', 'changed the password'), ('password_reset_asked', 'asked for a password reset'), ('password_reset', 'reset the password'), ('profile_changed', 'changed the profile'), ('member_invited', 'invited a member'), ('invitation_revoked', 'revoked an invitation'), ('member_joined', 'joined a book'), ('member_role_changed', "changed a member's role"), ('member_accounts_changed', 'changed which accounts a member sees'), ('member_removed', 'removed a member'), ('member_left', 'left a book'), ('book_deleted', 'deleted a book'), ('book_restored', 'restored a book'), ('book_erased', 'erased a book'), ('webhook_added', 'added a webhook'), ('webhook_changed', 'changed a webhook'), ('webhook_secret_changed', "changed a webhook's secret"), ('webhook_started', 'switched a webhook on'), ('webhook_stopped', 'switched a webhook off'), ('webhook_removed', 'removed a webhook'), ('operator_acted', "operator's action")], max_length=24, verbose_name='what')),
                ('actor_email', models.CharField(blank=True, max_length=254, verbose_name='e-mail address')),
                ('target', models.CharField(blank=True, max_length=300, verbose_name='on what')),
                ('facts', models.JSONField(blank=True, default=dict, verbose_name='facts')),
                ('address', models.GenericIPAddressField(blank=True, null=True, verbose_name='from')),
                ('user_agent', models.CharField(blank=True, max_length=255, verbose_name='with')),
                ('actor', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='who')),
            ],
            options={
                'verbose_name': 'audit record',
                'verbose_name_plural': 'audit trail',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['actor', 'action', '-id'], name='identity_audit_actor'), models.Index(fields=['at'], name='identity_audit_at')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('book_id', models.BigIntegerField(null=True)),
                ('key', models.CharField(max_length=200)),
                ('request_hash', models.CharField(max_length=64)),
                ('status_code', models.PositiveSmallIntegerField(null=True)),
                ('answer', models.JSONField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'finance_idempotencyrecord',
                'constraints': [models.UniqueConstraint(fields=('user', 'key'), name='finance_idempotency_unique')],
            },
        ),
    ]
