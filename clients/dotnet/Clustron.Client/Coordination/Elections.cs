using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Clustron.Internal;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Who leads.</summary>
/// <param name="Term">Larger than every earlier one; 0: nobody leads.</param>
/// <param name="Candidate">What the leader calls itself.</param>
public readonly record struct Leader(long Term, string Candidate)
{
    /// <summary>Nobody.</summary>
    public static readonly Leader None = new(0, "");
}

/// <summary>An office that this process holds; disposing resigns. Thread-safe.</summary>
public sealed class Leadership : IAsyncDisposable
{
    internal Leadership(LockHandle handle, string candidate) => (Handle, Candidate) = (handle, candidate);

    /// <summary>The lock that it is.</summary>
    public LockHandle Handle { get; }

    /// <summary>What this process calls itself.</summary>
    public string Candidate { get; }

    /// <summary>Larger than that of every earlier leader: the fencing token.</summary>
    public long Term => Handle.Token;

    /// <summary>Fires when the office is lost, in time (<see cref="LockHandle.LostToken"/>).</summary>
    public CancellationToken LostToken => Handle.LostToken;

    /// <summary>The command, refused with <see cref="FencedException"/> if another term has begun.</summary>
    public Command Wrap(Command command) => Handle.Wrap(command);

    /// <summary>Resigns: the next candidate leads at once.</summary>
    public Task<bool> ResignAsync(CancellationToken cancellation = default) => Handle.ReleaseAsync(cancellation);

    /// <summary>Resigns, unless it was lost.</summary>
    public ValueTask DisposeAsync() => Handle.DisposeAsync();
}

/// <summary>
/// Elections: one leader of a name at a time, with a term that rises. (Advisory locks: candidates wait in the lock's queue.) Thread-safe.
/// </summary>
public sealed class Elections
{
    private const int SuffixLength = 33; // "/" and what makes the owner unique
    private readonly Executor _executor;
    private readonly Locks _locks;
    private readonly ILogger _log;

    internal Elections(Executor executor, Locks locks, ClustronOptions options)
    {
        (_executor, _locks) = (executor, locks);
        _log = options.LoggerFactory.CreateLogger<Elections>();
    }

    /// <summary>Waits until this candidate leads.</summary>
    /// <param name="election">Its name.</param>
    /// <param name="candidate">Told to observers; at most 200 bytes.</param>
    /// <param name="ttl">How long others wait for a leader that died.</param>
    /// <param name="wait">How long to wait; null: for ever.</param>
    /// <param name="cancellation">Leaves the queue.</param>
    /// <exception cref="TimeoutException">Others led for all of that time.</exception>
    public async Task<Leadership> CampaignAsync(
        string election, string candidate, TimeSpan ttl, TimeSpan? wait = null, CancellationToken cancellation = default)
    {
        var options = new LockOptions { Advisory = true, Owner = candidate, NotifyLoss = true };
        return new Leadership(await _locks.AcquireAsync(election, ttl, wait, options, cancellation).ConfigureAwait(false), candidate);
    }

    /// <summary>
    /// Campaigns, and runs a function while it leads. The function's token fires when the office is lost, or this call is cancelled; behind
    /// a loss it campaigns anew, and runs the function again in a later term. A function that returns in its term resigns, and ends this; so
    /// does one that throws, and this throws the same.
    /// </summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task RunAsync(
        string election, string candidate, TimeSpan ttl, Func<Leadership, CancellationToken, Task> lead, CancellationToken cancellation)
    {
        for (;;)
        {
            Leadership office;
            try
            {
                office = await CampaignAsync(election, candidate, ttl, null, cancellation).ConfigureAwait(false);
            }
            catch (Exception error) when (error is UncertainException or UnavailableException)
            {
                _log.LogWarning(error, "Election '{Election}' can't be reached: {Reason}", election, error.Message);
                await Task.Delay(ttl / 4, _executor.Time, cancellation).ConfigureAwait(false);
                continue;
            }
            await using (office.ConfigureAwait(false))
            {
                if (await LeadAsync(office, lead, cancellation).ConfigureAwait(false)) return;
            }
        }
    }

    /// <summary>Who leads now.</summary>
    public async Task<Leader> GetLeaderAsync(string election, CancellationToken cancellation = default)
    {
        LockInfo? info = await _locks.GetAsync(election, cancellation).ConfigureAwait(false);
        return info is { Holders: [var holder, ..] } ? new Leader(holder.Token, CandidateOf(holder.Owner)) : Leader.None;
    }

    /// <summary>
    /// Who leads, now and whenever that changes, over reconnects; terms never fall. Of several changes in quick succession the last one is
    /// told.
    /// </summary>
    public async IAsyncEnumerable<Leader> ObserveAsync(string election, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        var changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        var subscription = await _executor.SubscribeAsync(
            LockEvents.Channel(_executor.Port.Database, election), _ => changed.Writer.TryWrite(true), cancellation).ConfigureAwait(false);
        await using (subscription.ConfigureAwait(false))
        {
            Leader told = Leader.None;
            bool first = true;
            for (;;)
            {
                Leader now = await GetLeaderAsync(election, cancellation).ConfigureAwait(false);
                if (first || now != told) yield return now;
                (told, first) = (now, false);
                await changed.Reader.ReadAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>True: the function came to its end in its term.</summary>
    private static async Task<bool> LeadAsync(Leadership office, Func<Leadership, CancellationToken, Task> lead, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, office.LostToken);
        try
        {
            await lead(office, either.Token).ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
            return !office.LostToken.IsCancellationRequested;
        }
        catch (OperationCanceledException) when (office.LostToken.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            return false;
        }
        // The fence said it before the clock did.
        catch (FencedException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    private static string CandidateOf(string owner) => owner.Length > SuffixLength ? owner[..^SuffixLength] : owner;
}
