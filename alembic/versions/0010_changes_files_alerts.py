"""Who changed what, files that people attach, and alerts."""

import sqlalchemy as sa

from alembic import op
from services.journal.guards import HISTORY, append_only

revision = '0010'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('change',
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('changed_by', sa.Uuid(), nullable=True),
    sa.Column('organisation', sa.String(), nullable=True),
    sa.Column('changed_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['changed_by'], ['app_user.id'], name=op.f('fk_change_changed_by_app_user')),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_change_organisation_organisation')),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_change'))
    )
    op.create_index(op.f('ix_change_subject'), 'change', ['subject'])
    for statement in append_only(*HISTORY):
        op.execute(statement)
    op.create_table('stored_file',
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('media_type', sa.String(), nullable=False),
    sa.Column('size_bytes', sa.Integer(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.Column('kept_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('sha256', name=op.f('pk_stored_file'))
    )
    op.create_table('attachment',
    sa.Column('sequence', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('sha256', sa.String(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('attached_by', sa.Uuid(), nullable=False),
    sa.Column('attached_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['attached_by'], ['app_user.id'], name=op.f('fk_attachment_attached_by_app_user')),
    sa.ForeignKeyConstraint(['sha256'], ['stored_file.sha256'], name=op.f('fk_attachment_sha256_stored_file')),
    sa.PrimaryKeyConstraint('sequence', name=op.f('pk_attachment')),
    sa.UniqueConstraint('subject', 'kind', 'sha256', name=op.f('uq_attachment_subject_kind_sha256'))
    )
    op.create_index(op.f('ix_attachment_sha256'), 'attachment', ['sha256'])
    op.create_index(op.f('ix_attachment_subject'), 'attachment', ['subject'])
    op.create_table('alert',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(40), nullable=False),
    sa.Column('subject', sa.String(), nullable=False),
    sa.Column('severity', sa.String(40), nullable=False),
    sa.Column('roles', sa.JSON(), nullable=False),
    sa.Column('organisation', sa.String(), nullable=True),
    sa.Column('site', sa.String(), nullable=True),
    sa.Column('region', sa.String(), nullable=True),
    sa.Column('item', sa.String(), nullable=True),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.Column('path', sa.String(), nullable=False),
    sa.Column('raised_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('renewed_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['item'], ['item.code'], name=op.f('fk_alert_item_item')),
    sa.ForeignKeyConstraint(['organisation'], ['organisation.code'], name=op.f('fk_alert_organisation_organisation')),
    sa.ForeignKeyConstraint(['region'], ['region.code'], name=op.f('fk_alert_region_region')),
    sa.ForeignKeyConstraint(['site'], ['site.code'], name=op.f('fk_alert_site_site')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert'))
    )
    op.create_index(op.f('ix_alert_closed_at'), 'alert', ['closed_at'])
    op.create_index(op.f('ix_alert_organisation'), 'alert', ['organisation'])
    op.create_index('uq_alert_open', 'alert', ['kind', 'subject'], unique=True, postgresql_where=sa.text('closed_at IS NULL'))


def downgrade() -> None:
    op.drop_table('alert')
    op.drop_table('attachment')
    op.drop_table('stored_file')
    op.drop_table('change')
