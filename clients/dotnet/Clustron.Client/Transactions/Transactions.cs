using Clustron.Internal;
using StackExchange.Redis;

namespace Clustron;

/// <summary>All-or-nothing changes of any keys: one-shot (recommended) or kept open. Thread-safe.</summary>
public sealed class Transactions
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(200);
    private readonly Executor _executor;

    internal Transactions(Executor executor) => _executor = executor;

    /// <summary>A one-shot transaction to be filled.</summary>
    public TransactionBuilder Create() => new(_executor);

    /// <summary>Opens a transaction on the server: reads see the state and its own writes, writes are staged until it commits.</summary>
    /// <param name="ttl">It is rolled back by then; null: 10 s.</param>
    /// <param name="cancellation">Gives up.</param>
    public async Task<OpenTransaction> BeginAsync(TimeSpan? ttl = null, CancellationToken cancellation = default)
    {
        Command command = ttl is { } time ? Command.Of("TXN", "BEGIN", "TTL", Arguments.Ttl(time, nameof(ttl))) : Command.Of("TXN", "BEGIN");
        // One that was begun and whose answer was lost ends by its TTL: nobody knows its id.
        RedisResult id = await _executor.AskAsync(command, Repeat.Safe, cancellation).ConfigureAwait(false);
        return new OpenTransaction(_executor, id.Text() ?? throw Errors.Unexpected(command, id));
    }

    /// <summary>
    /// Runs a function in an open transaction and commits it; again from the start if what it read was changed meanwhile. The function may
    /// be called several times and must do nothing outside of the transaction.
    /// </summary>
    /// <exception cref="ClustronException">CONFLICT: there was a conflict each time.</exception>
    public async Task<(T Value, CommitResult Commit)> RunAsync<T>(
        Func<OpenTransaction, Task<T>> body, int attempts = 10, TimeSpan? ttl = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempts, 1);
        for (int attempt = 1;; ++attempt)
        {
            OpenTransaction transaction = await BeginAsync(ttl, cancellation).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                try
                {
                    T value = await body(transaction).ConfigureAwait(false);
                    CommitResult result = await transaction.CommitAsync(cancellation).ConfigureAwait(false);
                    if (result.Committed) return (value, result);
                    if (attempt == attempts)
                        throw new ClustronException("CONFLICT", $"'{result.ConflictKey}' was changed by others in each of {attempts} attempts of a transaction.");
                }
                // Its node is gone, or could not be reached for a DO: nothing of it was or will be applied.
                catch (Exception error) when (attempt < attempts && IsOver(transaction, error)) { }
            }
            TimeSpan pause = TimeSpan.FromMilliseconds(Random.Shared.Next(1, 10 * attempt));
            await Task.Delay(pause < LongestPause ? pause : LongestPause, _executor.Time, cancellation).ConfigureAwait(false);
        }
    }

    private static bool IsOver(OpenTransaction transaction, Exception error) => error switch
    {
        NoTransactionException => true,
        UncertainException or UnavailableException => !transaction.CommitSent,
        _ => false,
    };
}
