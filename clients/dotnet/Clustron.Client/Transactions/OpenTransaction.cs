using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>What became of a commit.</summary>
/// <param name="Committed">Everything was applied, else nothing.</param>
/// <param name="Revision">Of everything that it wrote.</param>
/// <param name="Replies">Of the staged commands. Empty if the server had kept only the outcome.</param>
/// <param name="ConflictKey">A key that is not as it was read.</param>
/// <param name="ExpectedRevision">Its revision when it was read; 0: it was absent.</param>
/// <param name="ActualRevision">Its revision now.</param>
public sealed record CommitResult(
    bool Committed, long Revision, IReadOnlyList<RedisResult> Replies, string? ConflictKey = null, long ExpectedRevision = 0, long ActualRevision = 0);

/// <summary>
/// A transaction that the server keeps open under an id, which any connection and node takes: serializable, by validating at the commit
/// what was read. Disposing rolls back what was not committed. One caller at a time.
/// </summary>
public sealed class OpenTransaction : IAsyncDisposable
{
    private readonly Executor _executor;
    private bool _over;

    internal OpenTransaction(Executor executor, string id) => (_executor, Id) = (executor, id);

    /// <summary><c>&lt;n&gt;-…</c>: node n holds it.</summary>
    public string Id { get; }

    internal bool CommitSent { get; private set; }

    /// <summary>A read's reply. (A write through this is staged twice if its answer is lost: see <see cref="StageAsync"/>.)</summary>
    public Task<RedisResult> ReadAsync(Command command, CancellationToken cancellation = default) =>
        _executor.AskAsync(Do(command), Repeat.Read, cancellation);

    /// <summary>The string at a key; null if there is none.</summary>
    public async Task<RedisValue> GetAsync(RedisKey key, CancellationToken cancellation = default) =>
        (await ReadAsync(Command.Get(key), cancellation).ConfigureAwait(false)).Value();

    /// <summary>Stages a write: nobody sees it before the commit.</summary>
    /// <exception cref="UncertainException">It may be staged or not: the transaction can only be rolled back.</exception>
    public async Task StageAsync(Command command, CancellationToken cancellation = default)
    {
        Command staged = Do(command);
        RedisResult reply = await _executor.AskAsync(staged, Repeat.IfNotApplied, cancellation).ConfigureAwait(false);
        if (reply.Text() != "QUEUED") throw Errors.Unexpected(staged, reply);
    }

    /// <summary>Stages <c>SET key value</c>, as <see cref="StageAsync"/> does. (A repeat that comes late would undo what was staged since.)</summary>
    public Task PutAsync(RedisKey key, RedisValue value, CancellationToken cancellation = default) =>
        StageAsync(Command.Set(key, value), cancellation);

    /// <summary>Stages <c>DEL key</c>.</summary>
    public Task DeleteAsync(RedisKey key, CancellationToken cancellation = default) => StageAsync(Command.Delete(key), cancellation);

    /// <summary>
    /// Applies all that was staged if what was read is still so. It is sent until its outcome is known, to any node: the server keeps the
    /// outcome for a minute.
    /// </summary>
    /// <exception cref="NoTransactionException">It ended before, by its TTL or with its node: nothing was applied.</exception>
    /// <exception cref="ClustronException">A staged command failed: nothing was applied.</exception>
    public async Task<CommitResult> CommitAsync(CancellationToken cancellation = default)
    {
        CommitSent = true;
        Command command = Command.Of("TXN", "COMMIT", Id);
        RedisResult reply = await _executor.AskAsync(command, Repeat.Safe, cancellation).ConfigureAwait(false);
        _over = true;
        RedisResult[] parts = reply.Array(command, 3);
        if ((long)parts[0] == 1)
            return new CommitResult(true, (long)parts[1], parts[2].IsArray() ? parts[2].Array(command) : []);
        return new CommitResult(false, 0, [], parts[1].Text(), (long)parts[2], parts.Length > 3 ? (long)parts[3] : 0);
    }

    /// <summary>Gives it up.</summary>
    public async Task RollbackAsync(CancellationToken cancellation = default)
    {
        _over = true;
        try { await _executor.AskAsync(Command.Of("TXN", "ROLLBACK", Id), Repeat.Safe, cancellation).ConfigureAwait(false); }
        catch (NoTransactionException) { } // It is over already.
    }

    /// <summary>Rolls back what was not committed; if that can't be said to the server, it ends by its TTL.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_over || CommitSent) return;
        try { await RollbackAsync().ConfigureAwait(false); }
        catch (ClustronException) { }
    }

    private Command Do(Command command) => command.Under("TXN", "DO", Id);
}
